"""A server process that keeps data, as Kedro has one; our runners need none."""

from __future__ import annotations

from multiprocessing.managers import SyncManager

from pellucid.io.memory_dataset import MemoryDataset

__all__ = ["ParallelRunnerManager"]


class ParallelRunnerManager(SyncManager):
    """Can be given to ``SharedMemoryDataset.set_manager``, by code that brings a server of its own."""


ParallelRunnerManager.register("MemoryDataset", MemoryDataset)
