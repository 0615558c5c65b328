"""Parameters for numpy: several arrays in one block of memory, as ``Worker.synchronize`` wants them."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from selmcast.worker import Tensor


class Parameters(Mapping[str, Any]):
    """Float32 arrays by name, all views of one contiguous array ``flat``: writing to one is writing to the other.

    >>> p = Parameters({"weight": (10, 784), "bias": (10,)})
    >>> p["bias"] += 0.5
    >>> worker = selmcast.Worker("127.0.0.1:7070", "w0", p.tensors)
    >>> worker.synchronize(p.flat)

    :param shapes: name to shape, in the order that all workers must have. All values start at 0.
    """

    def __init__(self, shapes: Mapping[str, Sequence[int]]) -> None:
        import numpy

        self.tensors: list[Tensor] = [(name, tuple(int(n) for n in shape)) for name, shape in shapes.items()]
        sizes = [int(numpy.prod(shape, dtype=numpy.int64)) for _, shape, *_ in self.tensors]
        self.flat = numpy.zeros(sum(sizes), dtype=numpy.float32)
        self._arrays: dict[str, Any] = {}
        begin = 0
        for (name, shape, *_), size in zip(self.tensors, sizes):
            self._arrays[name] = self.flat[begin : begin + size].reshape(tuple(shape))
            begin += size

    def __getitem__(self, name: str) -> Any:
        return self._arrays[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Copies ``value`` (any array that fits) into the array of that name: ``p["w"] -= gradient`` works."""
        self._arrays[name][...] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)
