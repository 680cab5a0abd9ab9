"""What a job must look like and when it is due. Pure; the one room that mlflow_hooks knows."""
