"""The walls of the house: which room may import which (``test_imports.py`` keeps them)."""

from __future__ import annotations

# Room -> the rooms that its files import, also inside functions and for types. A room is a folder,
# or a file that lies in one of the four packages itself. The rule is both ways: what is not here
# may not be imported, and what is here is imported.
WALLS: dict[str, str] = {
    "audit/api": (
        "audit/artifacts audit/case audit/comparing audit/data audit/data/reading "
        "audit/data/written audit/errors audit/files audit/finding audit/models "
        "audit/models/formats audit/reason audit/register audit/reports audit/reports/letters "
        "audit/reports/parts audit/run audit/subject audit/subject/tallying audit/words "
        "audit/worker/isolation policies/gate policies/pack policies/terms policies/verdict "
        "policies/words"
    ),
    "audit/artifacts": "audit/files",
    "audit/asking": (
        "audit/artifacts audit/attribution audit/attribution/quality audit/attribution/recourse "
        "audit/checks audit/claims audit/data audit/errors audit/favourable audit/finding "
        "audit/measure audit/models audit/reason audit/subject"
    ),
    "audit/attribution": (
        "audit/attribution/recourse audit/data audit/errors audit/files audit/measure/uncertainty "
        "audit/models"
    ),
    "audit/attribution/kinds": "audit/attribution audit/errors audit/models audit/words",
    "audit/attribution/quality": (
        "audit/attribution audit/attribution/kinds audit/data audit/errors audit/models "
        "audit/reason"
    ),
    "audit/attribution/recourse": "audit/data audit/errors audit/reason",
    "audit/case": (
        "audit/artifacts audit/errors audit/favourable audit/files audit/finding "
        "audit/measure/uncertainty audit/words"
    ),
    "audit/checks": (
        "audit/artifacts audit/errors audit/finding audit/measure/uncertainty audit/models "
        "audit/reason audit/subject"
    ),
    "audit/checks/data": (
        "audit/asking audit/checks audit/data audit/errors audit/finding audit/measure "
        "audit/measure/groups audit/measure/uncertainty audit/reason audit/subject "
        "audit/subject/tallying audit/words"
    ),
    "audit/checks/energy": (
        "audit/checks audit/claims audit/errors audit/finding audit/measure/uncertainty "
        "audit/reason audit/subject"
    ),
    "audit/checks/explanation": (
        "audit/asking audit/attribution audit/attribution/kinds audit/attribution/quality "
        "audit/attribution/recourse audit/checks audit/errors audit/finding audit/measure "
        "audit/measure/attribution audit/measure/groups audit/measure/uncertainty "
        "audit/reason audit/subject audit/words"
    ),
    "audit/checks/fairness": (
        "audit/asking audit/checks audit/claims audit/data audit/errors audit/favourable "
        "audit/finding audit/measure audit/measure/groups audit/measure/uncertainty audit/reason "
        "audit/subject audit/subject/tallying audit/words"
    ),
    "audit/checks/performance": (
        "audit/asking audit/checks audit/errors audit/finding audit/measure "
        "audit/measure/uncertainty audit/reason audit/subject audit/subject/tallying"
    ),
    "audit/checks/plan": (
        "audit/checks audit/errors audit/finding audit/measure/uncertainty audit/reason "
        "audit/subject"
    ),
    "audit/checks/privacy": (
        "audit/asking audit/checks audit/claims audit/data audit/errors audit/finding "
        "audit/measure audit/measure/exposure audit/measure/groups audit/measure/uncertainty "
        "audit/reason audit/subject audit/words"
    ),
    "audit/checks/robustness": (
        "audit/asking audit/checks audit/finding audit/measure/uncertainty audit/reason "
        "audit/subject audit/words"
    ),
    "audit/claims": "audit/errors audit/files",
    "audit/cli": (
        "audit/commands audit/commands/parts audit/errors audit/interrupts audit/run "
        "audit/surroundings audit/words"
    ),
    "audit/commands": (
        "audit/api audit/artifacts audit/case audit/commands/parts audit/comparing audit/data "
        "audit/data/reading audit/data/written audit/errors audit/files audit/finding "
        "audit/masking audit/models audit/models/unpickling audit/proposing audit/register "
        "audit/reports audit/reports/page audit/reports/parts audit/run audit/subject audit/words "
        "audit/worker audit/worker/isolation dashboard/export dashboard/server policies/facts "
        "policies/gate policies/lint policies/pack policies/recording policies/schema "
        "policies/statement_files policies/statements policies/verdict trainers/data "
        "trainers/datasets trainers/fitting trainers/ledger trainers/mitigation trainers/plan "
        "trainers/private trainers/recipe trainers/validate"
    ),
    "audit/commands/parts": (
        "audit/api audit/case audit/comparing audit/data/written audit/errors audit/finding "
        "audit/measure/groups audit/reason audit/register audit/run audit/subject "
        "audit/subject/tallying audit/words audit/worker/isolation policies/facts policies/gate "
        "policies/lint policies/pack policies/verdict trainers/mitigation"
    ),
    "audit/comparing": (
        "audit/artifacts audit/case audit/data audit/data/formats audit/errors audit/favourable "
        "audit/finding audit/measure audit/measure/attribution audit/measure/uncertainty "
        "audit/reason audit/subject audit/subject/tallying audit/words"
    ),
    "audit/data": "audit/data/written audit/errors audit/reason audit/words",
    "audit/data/counting": (
        "audit/data audit/data/reading audit/data/written audit/errors audit/files audit/reason"
    ),
    "audit/data/formats": (
        "audit/data audit/data/written audit/errors audit/files audit/reason audit/words"
    ),
    "audit/data/reading": (
        "audit/data audit/data/formats audit/data/written audit/errors audit/files audit/reason "
        "audit/words"
    ),
    "audit/data/written": "audit/errors audit/words",
    "audit/errors": "audit/reason audit/words",
    "audit/favourable": "audit/errors audit/reason",
    "audit/files": "audit/errors audit/words",
    "audit/finding": "audit/reason audit/words",
    "audit/integrations": "audit/api audit/errors audit/files policies/gate",
    "audit/interrupts": "",
    "audit/masking": (
        "audit/case audit/data audit/data/written audit/errors audit/files audit/finding "
        "audit/measure audit/measure/exposure audit/measure/uncertainty audit/words"
    ),
    "audit/measure": "audit/data audit/finding audit/measure/uncertainty audit/reason",
    "audit/measure/attribution": "audit/finding audit/measure/uncertainty audit/reason audit/words",
    "audit/measure/disclosure": "audit/measure",
    "audit/measure/exposure": (
        "audit/data audit/finding audit/measure audit/measure/uncertainty audit/reason"
    ),
    "audit/measure/groups": "audit/finding audit/measure audit/measure/uncertainty audit/reason",
    "audit/measure/uncertainty": "audit/finding audit/reason",
    "audit/models": (
        "audit/data audit/data/written audit/errors audit/models/unpickling audit/words"
    ),
    "audit/models/formats": (
        "audit/data audit/errors audit/files audit/models audit/models/unpickling audit/words"
    ),
    "audit/models/unpickling": "audit/errors audit/words",
    "audit/proposing": (
        "audit/data audit/data/formats audit/measure audit/reason audit/subject audit/words "
        "audit/worker audit/worker/isolation policies/deciding policies/facts policies/pack "
        "policies/schema policies/words"
    ),
    "audit/reason": "",
    "audit/register": "audit/case audit/errors audit/files audit/words",
    "audit/reports": (
        "audit/artifacts audit/case audit/errors audit/favourable audit/finding "
        "audit/reports/drawing audit/reports/letters audit/reports/page audit/reports/parts "
        "audit/words policies/gate policies/verdict"
    ),
    "audit/reports/drawing": (
        "audit/artifacts audit/case audit/errors audit/reports/parts audit/words"
    ),
    "audit/reports/letters": "audit/errors audit/reports/parts audit/words",
    "audit/reports/page": (
        "audit/case audit/favourable audit/finding audit/reports/parts audit/words policies/gate "
        "policies/verdict"
    ),
    "audit/reports/parts": (
        "audit/artifacts audit/case audit/favourable audit/finding audit/measure/disclosure "
        "audit/reason audit/register audit/words policies/gate policies/verdict"
    ),
    "audit/run": (
        "audit/artifacts audit/asking audit/attribution audit/attribution/recourse audit/case "
        "audit/checks audit/comparing audit/data audit/data/formats audit/data/reading "
        "audit/data/written audit/errors audit/favourable audit/files audit/finding "
        "audit/measure/uncertainty audit/reason audit/register audit/subject "
        "audit/subject/tallying audit/surroundings audit/words audit/worker "
        "audit/worker/isolation policies/facts policies/gate policies/judge policies/pack "
        "policies/verdict"
    ),
    "audit/subject": (
        "audit/case audit/data audit/data/counting audit/data/formats audit/data/reading "
        "audit/data/written audit/errors audit/files audit/finding audit/models audit/reason "
        "audit/subject/tallying audit/words audit/worker audit/worker/isolation"
    ),
    "audit/subject/tallying": (
        "audit/data audit/data/counting audit/data/formats audit/data/reading audit/data/written "
        "audit/errors audit/finding audit/measure audit/reason audit/words"
    ),
    "audit/surroundings": "",
    "audit/words": "audit/reason",
    "audit/worker": (
        "audit/attribution audit/errors audit/files audit/models audit/words audit/worker/isolation"
    ),
    "audit/worker/isolation": "audit/errors",
    "dashboard/app": (
        "audit/case audit/errors audit/words dashboard/cases dashboard/i18n dashboard/server "
        "dashboard/text dashboard/views"
    ),
    "dashboard/cases": (
        "audit/case audit/errors audit/files audit/finding audit/register audit/words "
        "dashboard/i18n dashboard/server policies/facts policies/judge policies/pack "
        "policies/recording policies/schema policies/statements policies/terms policies/verdict"
    ),
    "dashboard/charts": (
        "audit/reports/drawing audit/words dashboard/frames dashboard/i18n dashboard/look "
        "dashboard/text"
    ),
    "dashboard/export": (
        "audit/artifacts audit/case audit/errors audit/finding audit/register "
        "audit/reports/drawing audit/reports/parts audit/words dashboard/cases dashboard/frames "
        "dashboard/i18n dashboard/text policies/pack policies/verdict"
    ),
    "dashboard/frames": (
        "audit/artifacts audit/case audit/errors audit/favourable audit/finding audit/reason "
        "audit/surroundings audit/words dashboard/cases dashboard/i18n dashboard/look "
        "dashboard/text policies/verdict"
    ),
    "dashboard/i18n": "audit/words dashboard/text",
    "dashboard/look": "audit/finding dashboard/i18n policies/verdict",
    "dashboard/pages": (
        "audit/artifacts audit/case audit/errors audit/finding audit/register audit/reports "
        "audit/reports/parts audit/words dashboard/app dashboard/cases dashboard/charts "
        "dashboard/frames dashboard/i18n dashboard/look dashboard/server dashboard/text "
        "dashboard/views dashboard/working policies/gate policies/pack policies/verdict"
    ),
    "dashboard/server": (
        "audit/data/written audit/errors audit/files audit/interrupts audit/register "
        "audit/surroundings audit/words policies/recording"
    ),
    "dashboard/text": "audit/words",
    "dashboard/views": (
        "audit/artifacts audit/case audit/data/written audit/errors audit/favourable "
        "audit/finding audit/register audit/reports audit/words dashboard/cases dashboard/charts "
        "dashboard/frames dashboard/i18n dashboard/look dashboard/server dashboard/text "
        "policies/gate policies/pack policies/schema policies/statements policies/terms "
        "policies/verdict"
    ),
    "dashboard/working": (
        "audit/case audit/data/written audit/errors audit/finding audit/reason audit/register "
        "audit/words dashboard/cases dashboard/frames dashboard/i18n dashboard/look "
        "dashboard/server dashboard/text dashboard/views policies/facts policies/pack "
        "policies/schema policies/verdict"
    ),
    "policies/attested": (
        "audit/register audit/words policies/schema policies/statements policies/terms "
        "policies/words"
    ),
    "policies/deciding": (
        "audit/case audit/comparing audit/errors audit/favourable audit/finding "
        "audit/measure/uncertainty audit/reason audit/words policies/demands policies/schema "
        "policies/verdict policies/words"
    ),
    "policies/demands": "policies/verdict",
    "policies/extending": "policies/demands policies/schema policies/verdict",
    "policies/facts": (
        "audit/case audit/errors audit/register audit/words policies/deciding policies/demands "
        "policies/schema"
    ),
    "policies/gate": "audit/errors policies/verdict policies/words",
    "policies/judge": (
        "audit/case audit/register audit/words policies/attested policies/deciding policies/facts "
        "policies/schema policies/statements policies/verdict policies/words"
    ),
    "policies/lint": "audit/errors policies/demands policies/schema",
    "policies/pack": (
        "audit/errors audit/files audit/words policies/demands policies/extending policies/schema"
    ),
    "policies/recording": (
        "audit/case audit/errors audit/files audit/register policies/attested policies/facts "
        "policies/schema policies/statements policies/verdict"
    ),
    "policies/schema": "audit/files audit/words policies/demands policies/verdict",
    "policies/statement_files": "audit/errors audit/files",
    "policies/statements": (
        "audit/errors audit/files audit/register policies/schema policies/words"
    ),
    "policies/terms": "",
    "policies/verdict": "audit/finding",
    "policies/words": "audit/finding audit/words policies/verdict",
    "trainers/__main__": "audit/surroundings trainers/command",
    "trainers/architectures": "audit/errors trainers/validate",
    "trainers/command": (
        "audit/errors audit/interrupts audit/words trainers/distributed trainers/fitting "
        "trainers/job"
    ),
    "trainers/data": (
        "audit/claims audit/data audit/data/reading audit/errors audit/measure audit/words "
        "trainers/encoders trainers/examples trainers/folder trainers/model_description "
        "trainers/private trainers/recipe"
    ),
    "trainers/datasets": (
        "audit/data audit/data/reading audit/data/written audit/errors audit/files audit/words"
    ),
    "trainers/distributed": "audit/errors trainers/examples",
    "trainers/encoders": ("audit/data audit/data/reading audit/errors trainers/validate"),
    "trainers/examples": "trainers/losses trainers/model_description",
    "trainers/fitting": (
        "audit/claims audit/data audit/errors audit/files audit/surroundings audit/words "
        "trainers/architectures trainers/data trainers/distributed trainers/encoders "
        "trainers/examples trainers/folder trainers/ledger trainers/losses "
        "trainers/model_description trainers/private trainers/recipe trainers/validate"
    ),
    "trainers/folder": (
        "audit/claims audit/errors audit/files audit/words trainers/architectures "
        "trainers/encoders trainers/examples trainers/ledger trainers/losses "
        "trainers/model_description trainers/validate"
    ),
    "trainers/job": (
        "audit/errors trainers/data trainers/fitting trainers/folder trainers/ledger "
        "trainers/model_description trainers/recipe trainers/result trainers/versions"
    ),
    "trainers/kinds": (
        "audit/data audit/data/reading audit/errors audit/files audit/words trainers/data "
        "trainers/datasets trainers/encoders trainers/examples trainers/folder trainers/losses "
        "trainers/model_description trainers/recipe"
    ),
    "trainers/ledger": (
        "audit/claims audit/errors audit/files audit/words trainers/private trainers/validate "
        "trainers/versions"
    ),
    "trainers/losses": "trainers/model_description",
    "trainers/mitigation": (
        "audit/data audit/data/written audit/errors audit/files audit/models audit/models/formats "
        "audit/words audit/worker audit/worker/isolation trainers/architectures trainers/encoders "
        "trainers/examples trainers/fitting trainers/folder trainers/recipe trainers/validate "
        "trainers/versions"
    ),
    "trainers/model_description": "audit/claims trainers/validate",
    "trainers/plan": (
        "trainers/architectures trainers/data trainers/examples trainers/fitting "
        "trainers/job trainers/ledger trainers/private trainers/recipe"
    ),
    "trainers/private": (
        "audit/errors audit/words trainers/distributed trainers/examples trainers/losses "
        "trainers/validate"
    ),
    "trainers/recipe": (
        "audit/data audit/data/written audit/errors audit/files audit/words "
        "trainers/architectures trainers/datasets trainers/encoders trainers/folder "
        "trainers/private trainers/validate"
    ),
    "trainers/result": (
        "audit/claims audit/data/written audit/errors audit/files audit/words "
        "trainers/model_description"
    ),
    "trainers/validate": "audit/errors audit/words",
    "trainers/versions": "",
}
