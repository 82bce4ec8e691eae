"""Data and models as people have them: which test holds each kind of fault that was once found.

A fault is a symptom; its kind is held by a test that would catch another of that kind. A test that
is renamed or removed is missed here.
"""

from __future__ import annotations

import ast

import pytest

from tests.source import ROOT

HELD = {
    "rows at the threshold are decided otherwise than the model decides them": (
        "tests/audit/subject/test_deciding.py::test_tied_rows_are_decided_as_the_model_decides"
    ),
    "being selected is a burden, and ratios take it for a benefit": (
        "tests/audit/checks/fairness/test_four_fifths.py"
        "::test_a_burden_is_judged_by_those_whom_it_spares"
    ),
    "labels that are fractions of the type are taken for scores": (
        "tests/audit/subject/test_deciding.py::test_every_classifier_is_audited_by_its_own_labels"
    ),
    "exact decimals are categories": (
        "tests/audit/data/test_cells.py::test_decimals_are_numbers_wherever_columns_are_told_apart"
    ),
    "rows on disk have other groups than rows in memory": (
        "tests/audit/data/test_cells.py::test_rows_on_disk_have_the_groups_of_rows_in_memory"
    ),
    "an identifier or noise is a strong proxy": (
        "tests/audit/measure/test_dependence.py::test_an_identifier_tells_nothing"
    ),
    "a headline lies beyond its own bounds": (
        "tests/audit/checks/fairness/test_gaps.py"
        "::test_the_headline_is_of_known_groups_and_lies_within_its_bounds"
    ),
    "a message names another row than that of the file": (
        "tests/audit/subject/test_row_numbers.py::test_the_model_asked_in_batches_of_sorted_rows"
    ),
    "a wide table takes all memory": (
        "tests/audit/attribution/recourse/test_recourse.py"
        "::test_the_memory_of_wide_tables_is_bounded"
    ),
    "a data frame holds what its file format does not": (
        "tests/audit/api/test_frames.py::test_every_odd_column_is_read_as_from_a_csv_file"
    ),
    "a private model publishes identifiers": (
        "tests/trainers/data/test_identifying.py"
        "::test_private_training_refuses_an_identifier_that_nobody_named"
    ),
    "classes are numbers and texts": (
        "tests/audit/subject/test_roles.py::test_classes_may_be_numbers_and_texts"
    ),
    "amounts are never told to be a regression": (
        "tests/audit/subject/test_roles.py::test_amounts_are_told_to_be_a_regression"
    ),
    "a summary leaves out the gaps that were asked for": (
        "tests/audit/commands/test_tasks.py"
        "::test_the_summary_shows_the_gaps_of_every_feature_that_was_named"
    ),
    "two files of the same people are not compared": (
        "tests/audit/comparing/test_pairing.py::test_files_in_any_order_give_what_one_file_gives"
    ),
    "a vectoriser of texts gets a table": (
        "tests/audit/models/test_fitted.py::test_a_vectoriser_gets_a_series_of_texts"
    ),
    "texts that look like numbers reach the model as numbers": (
        "tests/audit/models/test_fitted.py::test_texts_that_look_like_numbers"
    ),
    "a remedy names an option that its command lacks": (
        "tests/audit/commands/test_remedies.py::test_every_option_and_command_in_a_remedy_exists"
    ),
    "stored labels contradict stored scores": (
        "tests/audit/subject/test_deciding.py::test_labels_that_contradict_scores_are_said"
    ),
    "groups stored as bytes are hashes": (
        "tests/audit/data/test_cells.py::test_groups_in_bytes_that_are_no_text_are_refused"
    ),
    "cells hold what the model was never trained on": (
        "tests/audit/models/test_fitted.py::test_categories_that_an_encoder_never_met_are_said"
    ),
    "people of no known group decide, however that is spelt": (
        "tests/newcomer/test_newcomer.py::test_stored_predictions"
    ),
    "audited rows are among the training rows": (
        "tests/audit/checks/data/test_leakage.py::test_rows_of_both_files_are_counted"
    ),
    "groups look alike": (
        "tests/audit/data/test_declared.py"
        "::test_texts_that_look_alike_are_noticed_quoted_and_made_one"
    ),
    "an encoding is suggested that leads nowhere": (
        "tests/audit/data/test_declared.py::test_the_encoding_that_is_suggested_reads_the_file"
    ),
    "files of other libraries are not read": (
        "tests/audit/data/test_declared.py::test_arrow_of_polars_is_read"
    ),
    "numbers in disguise are categories": (
        "tests/audit/data/test_declared.py"
        "::test_numbers_in_disguise_are_noticed_and_the_remedy_reads_them"
    ),
    "every year of age is a group": (
        "tests/audit/data/test_declared.py::test_a_feature_of_many_numbers_or_dates_asks_for_bins"
    ),
    "scikit-learn's own is refused": (
        "tests/audit/models/test_ways_out.py::test_scikit_learns_own_open_as_skops"
    ),
    "labels differ by a blank": (
        "tests/audit/data/test_declared.py"
        "::test_labels_of_both_columns_that_look_alike_get_one_word"
    ),
    "a workbook begins with a cover sheet": (
        "tests/audit/data/test_declared.py::test_the_only_sheet_with_a_table_is_read"
    ),
    "lines stand above the header": (
        "tests/audit/data/test_declared.py::test_what_stands_above_the_header_is_left_out_and_said"
    ),
    "remedies go in a circle": (
        "tests/audit/models/test_ways_out.py::test_a_torch_module_leads_to_a_program"
    ),
    "a remedy names what another command has": (
        "tests/audit/commands/test_remedies.py"
        "::test_a_refused_pickle_offers_what_the_command_has_and_no_more"
    ),
    "a name holds a comma": (
        "tests/audit/data/test_declared.py::test_a_name_with_a_comma_is_told_how_to_be_typed"
    ),
    "training says nothing of what it read": (
        "tests/trainers/data/test_identifying.py::test_plain_training_tells"
    ),
    "a wrong encoding leaves controls in names": (
        "tests/audit/data/test_declared.py::test_controls_out_of_a_wrong_encoding_are_noticed"
    ),
    "several outputs are taken for one": (
        "tests/audit/models/test_ways_out.py::test_several_outputs_are_told_as_such"
    ),
    "a model's own mark of missing values is not in its file": (
        "tests/audit/models/test_ways_out.py::test_the_missing_value_of_xgboost_is_declared"
    ),
    "a text has no token": (
        "tests/audit/checks/explanation/test_models_people_save.py::test_text_classifiers"
    ),
    "one column has two roles": ("tests/audit/subject/test_roles.py::test_answers_have_one_role"),
}


@pytest.mark.parametrize("kind", HELD)
def test_every_kind_is_held_by_a_test(kind: str) -> None:
    path, _, name = HELD[kind].partition("::")
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    assert name in {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}, (
        f"{kind}: no test {name} in {path}"
    )
