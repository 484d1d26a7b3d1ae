"""The functions of the pipeline '{{ pipeline_name }}'."""
