"""Draws the plots of `reports/evidence/` from the files that the pieces wrote."""

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

from tests.benchmarks.evidence import FOLDER
from tests.publishing.layout import Data, load

plt.rcParams.update({"svg.hashsalt": "tuner", "svg.fonttype": "none", "font.size": 9})
SHOWN = ("tuner", "random search", "plain TPE, no pruning", "hill climb")


def by_strategy(data: Data) -> None:
    """Share of the optimum against the budget: a line a strategy, over all models."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharex=True, layout="constrained")
    for name in SHOWN:
        budgets = data["items"][name]["budgets"]
        at = [int(budget) for budget in budgets]
        for axis, key in zip(axes, ("mean", "worst_tenth"), strict=True):
            axis.plot(at, [shares[key] for shares in budgets.values()], marker="o", ms=3, label=name)
    for axis, title in zip(axes, ("mean over models and seeds", "worst tenth of all searches"), strict=True):
        axis.set(xscale="log", xlabel="budget, s", title=title)
        axis.set_xticks(at, at)
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("speed of the pick over the optimum's")
    axes[0].legend(frameon=False)
    save(figure, "regret_by_strategy")


def by_model(data: Data) -> None:
    """Share of the optimum against the budget: the tuner, a line a model."""
    figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
    budgets = data["items"]["tuner"]["budgets"]
    at = [int(budget) for budget in budgets]
    for name in next(iter(budgets.values()))["models"]:
        axis.plot(at, [shares["models"][name] for shares in budgets.values()], marker="o", ms=3, label=name)
    axis.set(xscale="log", xlabel="budget, s", ylabel="speed of the pick over the optimum's")
    axis.set_title("median over seeds, a line a model")
    axis.set_xticks(at, at)
    axis.minorticks_off()
    axis.grid(alpha=0.3)
    axis.legend(frameon=False, ncols=2, fontsize=7)
    save(figure, "regret_by_model")


def save(figure, name: str) -> None:
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    if data := load("strategies"):
        by_strategy(data)
        by_model(data)


if __name__ == "__main__":
    main()
