"""The smallest change, against closed forms and brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest

from evenhand.audit.attribution.recourse.plausibility import Neighbours
from evenhand.audit.attribution.recourse.search import Search
from evenhand.audit.attribution.recourse.space import Rule, Space, build_space, spread_of
from evenhand.audit.errors import InputError
from evenhand.audit.reason import because
from evenhand.audit.words.reasons import render

# u: median 4, |u - 4| = 4 3 2 1 0 1 2 3 4, whose median is 2; v the same times 10, median 20
DATA = pd.DataFrame(
    {
        "u": np.arange(9),
        "v": np.arange(9) * 10.0,
        "w": ["a", "b", "c"] * 3,
        "s": ["f", "m", "f"] * 3,
    }
)


def linear(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Favourable from 0.5 on; 0.1 for each u, 0.01 for each v, 0.25 for w = c."""
    score = 0.1 * frame["u"] + 0.01 * frame["v"] + 0.25 * (frame["w"] == "c") - 0.2
    return (score.to_numpy() >= 0.5 - 1e-12), np.clip(score.to_numpy(dtype=float), 0, 1)


def one(u: float, v: float, w: str, s: str = "f") -> pd.DataFrame:
    return pd.DataFrame({"u": [u], "v": [v], "w": [w], "s": [s]})


def space(**rules: Rule) -> Space:
    return build_space(DATA, ["u", "v", "w", "s"], rules, {"s": because("sensitive-feature")})


def changed(space: Space, people: pd.DataFrame, beam: int = 12) -> tuple[dict[str, object], float]:
    found = Search(linear, space, beam=beam).find(people)
    row = space.decode(people, np.array([0]), found.z).iloc[0].to_dict()
    before = people.iloc[0].to_dict()
    return {k: v for k, v in row.items() if v != before[k]}, float(found.cost[0])


def test_spreads_by_hand() -> None:
    assert spread_of(DATA["u"].to_numpy(dtype=float)) == 2.0
    assert spread_of(np.array([0.0] * 9 + [1.0])) == 1.0  # a flag counts its own step
    # most are 0: the mean deviation, (5 + 10) / 10
    assert spread_of(np.array([0.0] * 8 + [5.0, 10.0])) == 1.5
    assert spread_of(np.array([3.0, 3.0])) == 1.0


def test_the_cheapest_single_change_of_a_linear_model() -> None:
    # u=3, v=10, a: 0.3 + 0.1 - 0.2 = 0.2, so 0.3 are missing. u: 3 steps, 3 / 2 + 1 = 2.5;
    # v: 30, 30 / 20 + 1 = 2.5; w gives 0.25 only. Two columns: w (2) and u by 1 (0.5 + 1) = 3.5
    assert changed(space(), one(3, 10, "a"))[1] == pytest.approx(2.5)
    # 0.25 are missing: w = c alone, cost 1 + 1
    assert changed(space(), one(3, 15, "a")) == ({"w": "c"}, pytest.approx(2.0))
    # 0.15 are missing: u by 2 costs 2, w costs 2, v by 15 only 15 / 20 + 1
    assert changed(space(), one(4, 15, "b")) == ({"v": 30.0}, pytest.approx(1.75))


def test_rules_hold() -> None:
    person = one(3, 10, "a")
    assert changed(space(v=Rule(immutable=True)), person)[0] == {"u": 6}
    assert changed(space(u=Rule(direction="decrease")), person)[0] == {"v": 40.0}
    # v no higher than 20, so 0.1 from it at most; w c and u by 1: 2 + 1.5, u alone by 3: 2.5
    assert changed(space(v=Rule(max=20.0)), person)[0] == {"u": 6}
    bound = space(v=Rule(immutable=True), u=Rule(max=4.0))
    assert changed(bound, person) == ({"u": 4, "w": "c"}, pytest.approx(3.5))
    # steps of 2 from 3: 5 is short by 0.1, 7 is enough
    stepped = space(u=Rule(step=2.0), v=Rule(immutable=True), w=Rule(immutable=True))
    assert changed(stepped, person)[0] == {"u": 7}
    everything = space(**{"*": Rule(immutable=True), "w": Rule(values=("b",))})
    assert not Search(linear, everything).find(person).is_found[0]
    assert {column: render(why) for column, why in everything.immutable.items()} == {
        "u": "declared immutable",
        "v": "declared immutable",
        "s": "a sensitive feature",
    }


def test_a_category_that_does_not_occur_is_refused() -> None:
    with pytest.raises(InputError, match="w may become 'd', which does not occur"):
        space(w=Rule(values=("d",)))


def test_types_and_untouched_cells_stay() -> None:
    people = DATA.head(2).assign(v=[np.nan, 10.0])
    search_space = build_space(people.assign(v=[1.0, 10.0]), ["u", "v"], {}, {})
    z = search_space.encode(people)
    z[:, 0] = 7
    made = search_space.decode(people, np.array([0, 1]), z)
    assert made["u"].dtype == DATA["u"].dtype
    assert made["u"].tolist() == [7, 7]
    assert np.isnan(made["v"].iloc[0]) and made["v"].iloc[1] == 10.0


def small_world(seed: int) -> tuple[pd.DataFrame, dict[tuple[float, ...], float]]:
    """Every cell of a 4 x 4 x 3 grid with a score drawn at random: no order, no smoothness."""
    rng = np.random.default_rng(seed)
    cells = list(product(range(4), (0.0, 1.0, 5.0, 9.0), ("a", "b", "c")))
    frame = pd.DataFrame(cells, columns=["x", "y", "z"])
    return frame, dict(zip(cells, rng.random(len(cells)).tolist(), strict=True))


@pytest.mark.parametrize("seed", range(4))
def test_as_cheap_as_brute_force_on_small_grids(seed: int) -> None:
    frame, scores = small_world(seed)

    def ask(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        keys = zip(rows["x"], rows["y"], rows["z"], strict=True)
        score = np.array([scores[(int(x), float(y), str(z))] for x, y, z in keys])
        return score >= 0.9, score

    world = build_space(frame, ["x", "y", "z"], {}, {})
    everywhere = world.encode(frame)
    good = ask(frame)[0]
    people = frame[~good].reset_index(drop=True)
    own = world.encode(people)
    best = [min(world.cost(o[None], everywhere[good])) for o in own]
    wide = Search(ask, world, beam=1000).find(people)
    # x, y have spreads of their own, worked out here apart from Space.cost
    spreads = np.array([spread_of(frame["x"].to_numpy(float)), spread_of(frame["y"].to_numpy())])
    moved = np.abs(wide.z[:, :2] - own[:, :2]) / spreads
    other = wide.z[:, 2] != own[:, 2]
    by_hand = moved.sum(axis=1) + other + (moved > 0).sum(axis=1) + other
    np.testing.assert_allclose(wide.cost, by_hand)
    assert wide.is_found.all()
    np.testing.assert_allclose(wide.cost, best)
    narrow = Search(ask, world).find(people)  # the default beam may miss, never beat
    assert (narrow.cost >= np.array(best) - 1e-12).all()
    assert np.mean(np.isclose(narrow.cost, best)) > 0.9


PLANTED = {
    "xor": lambda f: ((f.a > 3) ^ (f.b > 3)) & ((f.c > 3) ^ (f.k == "x")),
    "island": lambda f: ((f.a == 3) & (f.b == 5)) | ((f.c == 1) & (f.d == 6) & (f.k == "z")),
    "corner": lambda f: (f.a >= 5) & (f.b >= 5) & (f.c >= 4),
}


@pytest.mark.parametrize("rule", PLANTED)
def test_what_exists_is_found_where_the_score_is_flat(rule: str) -> None:
    """Rules that no slope leads to; every person has a way out by at most three columns, as the
    grid of all 7 ** 4 * 3 rows says."""
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({c: rng.integers(0, 7, 400) for c in "abcd"})
    frame["k"] = rng.choice(list("xyz"), 400)

    def ask(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        good = PLANTED[rule](rows).to_numpy()
        return good, np.where(good, 1.0, 0.0)

    good = ask(frame)[0]
    people = frame[~good].head(12).reset_index(drop=True)
    world = build_space(frame, list(frame.columns), {}, {})
    grid = pd.DataFrame(list(product(*[range(7)] * 4, "xyz")), columns=list("abcdk"))
    way_out = world.encode(grid[ask(grid)[0]])
    best = [world.cost(own[None], way_out).min() for own in world.encode(people)]
    donors = frame[good].reset_index(drop=True)
    found = Search(ask, world, donors=donors).find(people)
    assert found.is_found.all()
    assert (found.cost >= np.array(best) - 1e-9).all()
    assert np.mean(found.cost / best) < 1.05
    assert world.changed(world.encode(people), found.z).sum(axis=1).max() <= 3


def test_a_value_between_those_looked_at_is_found() -> None:
    """Of 300 values one helps; a search tries some thirty of them first."""
    frame = pd.DataFrame({"u": np.arange(300.0), "v": np.tile([0.0, 1.0, 2.0], 100)})
    world = build_space(frame, ["u", "v"], {}, {})
    column = world.mutable[0]
    assert column.looked_at is not None
    one_value = next(u for u in frame["u"] if u not in column.looked_at and u > 100)

    def ask(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        good = (rows["u"] == one_value).to_numpy()
        return good, good.astype(float)

    found = Search(ask, world).find(frame.head(2))
    assert found.is_found.all()
    assert found.z[:, 0].tolist() == [one_value] * 2


def test_a_change_of_more_columns_is_told() -> None:
    frame = pd.DataFrame({c: np.tile([0, 1, 2], 20) for c in "abcdef"})

    def ask(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        good = (rows == 2).all(axis=1).to_numpy()
        return good, good.astype(float)

    donors = frame[ask(frame)[0]].reset_index(drop=True)
    found = Search(ask, build_space(frame, list("abcdef"), {}, {}), donors=donors).find(frame[:2])
    assert not found.is_found.any()
    assert found.with_more.all()
    assert (found.tried > 100).all()


@pytest.mark.parametrize("columns", [150, 600])
def test_the_memory_of_wide_tables_is_bounded(columns: int) -> None:
    """Dense states x moves x columns took 5.7 GB at 300 columns; a part of the rows is made now."""
    import tracemalloc

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, columns)).round(2)).add_prefix("f")

    def ask(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        score = 1 / (1 + np.exp(-rows["f0"].to_numpy() - rows["f1"].to_numpy()))
        return score >= 0.5, score

    refused = frame[~ask(frame)[0]].head(2).reset_index(drop=True)
    world = build_space(frame, list(frame.columns), {}, {})
    tracemalloc.start()
    try:
        found = Search(ask, world).find(refused)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.is_found.all()
    assert peak < 300e6
    assert (found.left_out > 0) == (columns == 600)
    # 4 million cells a person for the search, and what refining takes
    assert found.tried.max() * columns < 8e6


def rugged(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Interactions, thresholds and a flat part, as trees have them."""
    u, v = frame["u"].to_numpy(float), frame["v"].to_numpy(float)
    score = 0.1 + 0.2 * (u > 4) + 0.2 * (v > 35) + 0.3 * ((u > 6) & (frame["w"] == "c"))
    score = np.asarray(score + 0.15 * ((v > 55) ^ (u < 2)), dtype=float)
    return score >= 0.5, score


def test_no_changed_column_can_be_put_back_and_the_decision_is_turned() -> None:
    people = DATA[~rugged(DATA)[0]].reset_index(drop=True)
    found = Search(rugged, space()).find(people)
    who = np.flatnonzero(found.is_found)
    assert who.size > 3
    made = space().decode(people, who, found.z[who])
    assert rugged(made)[0].all()
    for i, row in zip(who, range(len(made)), strict=True):
        for column in ("u", "v", "w"):
            if made[column].iloc[row] != people[column].iloc[i]:
                back = made.iloc[[row]].copy()
                back[column] = people[column].iloc[i]
                assert not rugged(back)[0][0]


def test_people_do_not_change_each_others_answers() -> None:
    people = DATA[~rugged(DATA)[0]].reset_index(drop=True)
    together = Search(rugged, space()).find(people)
    for i in range(len(people)):
        alone = Search(rugged, space()).find(people.iloc[[i]].reset_index(drop=True))
        np.testing.assert_array_equal(alone.z[0], together.z[i])


def test_nobody_has_recourse_where_nothing_helps() -> None:
    never = Search(lambda f: (np.zeros(len(f), dtype=bool), np.zeros(len(f))), space())
    found = never.find(DATA)
    assert not found.is_found.any()
    assert np.isnan(found.cost).all()


def test_a_missing_number_can_be_given() -> None:
    people = one(np.nan, 30.0, "a")

    def ask(rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        score = rows["u"].fillna(0).to_numpy() / 10
        return score >= 0.5, score

    found = Search(ask, space()).find(people)
    assert found.is_found[0]
    assert (found.cost[0], found.z[0, 0] >= 5) == (2.0, True)  # 1 for the value, 1 for the column


def test_plausibility_is_a_rank_among_real_people() -> None:
    real = pd.DataFrame({"x": [0.0, 1.0, 3.0, 6.0], "k": ["a", "a", "a", "a"]})
    # median 2, deviations 2 1 1 4: spread 1.5. Nearest: 1, 1, 2, 3 (over 1.5)
    neighbours = Neighbours(real)
    np.testing.assert_allclose(neighbours.usual, np.array([1, 1, 2, 3]) / 1.5)
    asked = pd.DataFrame({"x": [3.0, 8.0, 100.0, 3.0], "k": ["a", "a", "a", "b"]})
    # distances 0, 2, 94 (over 1.5) and 1 for the other category: as far are 4, 2, 0 and 2
    np.testing.assert_allclose(neighbours.distance(asked), [0, 2 / 1.5, 94 / 1.5, 1])
    np.testing.assert_allclose(neighbours.plausibility(asked), [1, 3 / 5, 1 / 5, 3 / 5])
