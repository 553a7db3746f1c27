"""What `convert-vk-to-visa` is made of: the domain of a kernel, the state of lowering it, and the operations' lowerings."""
