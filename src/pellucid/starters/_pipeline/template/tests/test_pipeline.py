"""Tests of the pipeline '{{ pipeline_name }}'."""

from {{ python_package }}.pipelines.{{ pipeline_name }} import create_pipeline


def test_it_can_be_made():
    assert create_pipeline() is not None
