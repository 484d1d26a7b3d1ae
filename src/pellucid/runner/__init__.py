"""Runners: they take the nodes of a pipeline through, one after another, in threads or in processes."""

from pellucid.runner.parallel_runner import ParallelRunner
from pellucid.runner.runner import AbstractRunner
from pellucid.runner.sequential_runner import SequentialRunner
from pellucid.runner.task import Task
from pellucid.runner.thread_runner import ThreadRunner

__all__ = ["AbstractRunner", "ParallelRunner", "SequentialRunner", "Task", "ThreadRunner"]
