"""What a launch takes: kernels, memory traffic and workspace, from its plan alone."""

from dataclasses import dataclass
from math import prod

from vm.isa import Field
from vm.plan import KernelPlan, LaunchPlan
from vm.program import Program
from vm.tiles import DTYPES


@dataclass(frozen=True)
class Costs:
    """One launch. `slots` and `unified_buffer_bytes` are those of the kernel that takes most.

    Traffic is that between tensors and kernels: the elements of an operand count once for each pass that reads or writes
    them, whether they come from memory or a cache. `workspace_bytes` is what intermediate tensors take
    beside the outputs, where those share memory that never live at once; `separate_workspace_bytes` is what they would take if none did.
    """

    variant: int
    launches: int
    stages: int
    kernels: int
    instructions: int
    slots: int
    unified_buffer_bytes: int
    bytes_read: int
    bytes_written: int
    output_elements: int
    workspace_bytes: int
    separate_workspace_bytes: int

    @property
    def bytes_per_output_element(self) -> float:
        """Bytes read and written for an element of the outputs; infinite where those are empty."""
        moved = self.bytes_read + self.bytes_written
        return moved / self.output_elements if self.output_elements else float("inf")


def costs(program: Program, plan: LaunchPlan) -> Costs:
    """The costs of the launch that a plan describes."""
    kernels = [kernel for stage in plan.stages for kernel in stage]
    traffic = [_traffic(kernel) for kernel in kernels]
    return Costs(
        variant=plan.variant,
        launches=1 if kernels else 0,
        stages=len(program.variants[plan.variant].stages),
        kernels=len(kernels),
        instructions=sum(kernel.prepared.instruction_count for kernel in kernels),
        slots=max((kernel.prepared.kernel.slots for kernel in kernels), default=0),
        unified_buffer_bytes=max((kernel.tiling.unified_buffer_bytes for kernel in kernels), default=0),
        bytes_read=sum(read for read, _ in traffic),
        bytes_written=sum(written for _, written in traffic),
        output_elements=sum(prod(shape) for shape in plan.output_shapes),
        workspace_bytes=plan.workspace_bytes,
        separate_workspace_bytes=plan.separate_workspace_bytes,
    )


def _traffic(plan: KernelPlan) -> tuple[int, int]:
    """Bytes that a kernel reads and writes. What of a gather's table is read is as much as it gathers, at most."""
    moved = [0, 0]
    operands = plan.prepared.kernel.operands
    for part in plan.prepared.passes:
        used: set[int] = {
            getattr(step.instruction, name)
            for step in part.steps
            for name, field in step.instruction.opcode.format.fields
            if field is Field.OPERAND
        }
        for number in used:
            elements = min(prod(plan.views[number].shape), plan.domain.points)
            moved[operands[number].writes] += elements * DTYPES[plan.prepared.memory_types[number]].itemsize
    return moved[0], moved[1]
