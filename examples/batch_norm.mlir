// Batch normalisation in training: statistics over batch and image, the normalised images, and the running statistics.

!images = tensor<?x64x?x?xf32, #dvm.sym<["batch", "64", "height", "width"]>>
!channels = tensor<64xf32>
!spread = tensor<1x64x1x1xf32>

func.func @batch_norm(%x : !images, %gamma : !channels, %beta : !channels, %running_mean : !channels,
                      %running_variance : !channels) -> (!images, !channels, !channels, !channels, !channels)
    attributes {
      dvm.arg_names = ["x", "gamma", "beta", "running_mean", "running_variance"],
      dvm.result_names = ["out", "mean", "variance", "new_running_mean", "new_running_variance"]
    } {
  %mean = dvm.reduce Mean %x dims [0, 2, 3] keepdims false : !images -> !channels
  %mean4 = dvm.reshape %mean shape [1, 64, 1, 1] : !channels -> !spread
  %centred = dvm.binary Sub %x, %mean4 : !images, !spread -> !images
  %square = dvm.binary Mul %centred, %centred : !images, !images -> !images
  %variance = dvm.reduce Mean %square dims [0, 2, 3] keepdims false : !images -> !channels

  %stable = dvm.binary_scalar Add %variance, 1.0e-05 : !channels, f32 -> !channels
  %inverse = dvm.unary Rsqrt %stable : !channels -> !channels
  %scale = dvm.binary Mul %inverse, %gamma : !channels, !channels -> !channels
  %scale4 = dvm.reshape %scale shape [1, 64, 1, 1] : !channels -> !spread
  %beta4 = dvm.reshape %beta shape [1, 64, 1, 1] : !channels -> !spread
  %scaled = dvm.binary Mul %centred, %scale4 : !images, !spread -> !images
  %out = dvm.binary Add %scaled, %beta4 : !images, !spread -> !images

  // new = 0.9 * old + 0.1 * batch
  %mean_old = dvm.binary_scalar Mul %running_mean, 0.9 : !channels, f32 -> !channels
  %mean_new = dvm.binary_scalar Mul %mean, 0.1 : !channels, f32 -> !channels
  %next_mean = dvm.binary Add %mean_old, %mean_new : !channels, !channels -> !channels
  %variance_old = dvm.binary_scalar Mul %running_variance, 0.9 : !channels, f32 -> !channels
  %variance_new = dvm.binary_scalar Mul %variance, 0.1 : !channels, f32 -> !channels
  %next_variance = dvm.binary Add %variance_old, %variance_new : !channels, !channels -> !channels
  return %out, %mean, %variance, %next_mean, %next_variance : !images, !channels, !channels, !channels, !channels
}
