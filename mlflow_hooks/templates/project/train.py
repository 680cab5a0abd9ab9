"""Trains a model, and logs how good it is. Put your own training in the place of `train`."""

import argparse

import mlflow


def train(alpha: float) -> float:
    """The error of a model with this much regularization."""
    return (alpha - 0.3) ** 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--alpha", type=float, default=0.1)
    arguments = parser.parse_args()
    # The experiment is in the environment.
    with mlflow.start_run():
        mlflow.log_params(vars(arguments))
        mlflow.log_metric("error", train(arguments.alpha))


if __name__ == "__main__":
    main()
