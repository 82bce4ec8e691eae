"""The reasons that findings give, in Chinese, for verdicts and reports written in it.

A case keeps its reasons in English, as its checks wrote them. The table has each sentence with
``{names}`` where it differs from case to case; what stands at a name that begins with ``why`` is
itself a sentence of the table. A sentence that is not in it (the words of a stranger's check, the
text of a crash) is given as it is, marked as quoted.
"""

from __future__ import annotations

import re
from functools import cache

_ZH = {
    # rows and labels
    "no rows": "没有数据行",
    "no rows in {where}": "{where}没有数据行",
    "no errors": "没有判错的行",
    "no weight": "权重之和为零",
    "no positive labels": "没有正类标签",
    "no negative labels": "没有负类标签",
    "no positive predictions": "没有判为正类的行",
    "no negative predictions": "没有判为负类的行",
    "no positive labels in this group": "该组没有正类标签",
    "no negative labels in this group": "该组没有负类标签",
    "no positive labels inside the group": "该组内没有正类标签",
    "no negative labels inside the group": "该组内没有负类标签",
    "no positive labels in the group": "该组内没有正类标签",
    "no negative labels in the group": "该组内没有负类标签",
    "no positive labels outside the group": "该组外没有正类标签",
    "no negative labels outside the group": "该组外没有负类标签",
    "no positive labels in the rest": "其余各组没有正类标签",
    "no negative labels in the rest": "其余各组没有负类标签",
    "no positive predictions in this group": "该组没有判为正类的行",
    "no positive predictions in the rest": "其余各组没有判为正类的行",
    "no rows of this class": "没有该类的行",
    "no rows of some class": "某个类没有数据行",
    "no rows predicted as this class": "没有判为该类的行",
    "fewer than two classes have rows": "有数据行的类少于两个",
    "classes without rows, left out: {names}": "没有数据行而未计入的类：{names}",
    "one row: no interval": "仅一行：无区间",
    "one text: no interval": "仅一段文本：无区间",
    "no interval": "无区间",
    "no interval at level {level}: {n} rows are too few for this quantile": (
        "在 {level} 水平上无区间：{n} 行不足以估计该分位数"
    ),
    "no interval: every draw from these rows gives the same value": (
        "无区间：从这些行中每次抽取所得数值都相同"
    ),
    "{n} rows without a value left out": "{n} 行没有数值，未计入",
    "{n} rows: {reason}": "{n} 行：{reason}",
    "none dropped": "未剔除任何行",
    "{n} rows": "{n} 行",
    "all scores are equal": "所有得分相同",
    "the scores separate the labels: there is no finite slope": (
        "得分将标签完全分开：斜率不是有限值"
    ),
    "the true values do not vary": "真实值没有变化",
    "the data has no true labels (no target was named)": "数据没有真实标签（未指明目标列）",
    "the data has no true values (no target was named)": "数据没有真实值（未指明目标列）",
    "the data has no true answers (no target was named)": "数据没有真实答案（未指明目标列）",
    "only predicted labels are stored": "只存有预测标签",
    "only predicted labels are stored, no scores": "只存有预测标签，没有得分",
    "the scores are not probabilities of the label": "得分不是标签的概率",
    "the scores are not probabilities (outside [0, 1])": "得分不是概率（超出 [0, 1]）",
    "it needs the true labels of a binary task": "需要二分类任务的真实标签",
    "it needs every row in memory, the rows were counted on disk: audit a sample, or --no-stream": (
        "需要将所有行读入内存，而本次在磁盘上计数：请审计一个样本，或使用 --no-stream"
    ),
    "the rows were counted on disk in one pass: measures that need every row in memory were "
    "skipped": "数据行在磁盘上一次计数：需要所有行在内存中的度量已跳过",
    "the row weights are used by fairness.group_rates and fairness.gaps; other measures count "
    "rows": "行权重仅用于 fairness.group_rates 与 fairness.gaps，其他度量按行计数",
    "not asked of a {task} task": "不适用于 {task} 任务",
    "there is no model that could be asked again, only stored predictions": (
        "没有可再次询问的模型，只有存储的预测"
    ),
    "there is no model to explain, only stored predictions": "没有可解释的模型，只有存储的预测",
    "there is no model whose input columns could be compared": "没有可比较输入列的模型",
    "there is no model: stored predictions hold no record of training": (
        "没有模型：存储的预测不含训练记录"
    ),
    "there is no model: stored predictions don't say how they were decided": (
        "没有模型：存储的预测未说明如何作出"
    ),
    "there is no model: stored predictions declare no budget": "没有模型：存储的预测未声明预算",
    "there is no model: stored predictions hold no ledger": "没有模型：存储的预测不含账本",
    "there is no model: stored predictions cannot be asked again": (
        "没有模型：存储的预测无法再次询问"
    ),
    # groups and gaps
    "no sensitive features were named": "未指明敏感特征",
    "no sensitive features were named, and no text column with terms": (
        "未指明敏感特征，也没有可替换词语的文本列"
    ),
    "nobody is in it": "该组没有人",
    "fewer than two groups": "少于两个组",
    "fewer than two groups to compare": "可比较的组少于两个",
    "fewer than two groups to compare in {rate}": "就 {rate} 可比较的组少于两个",
    "fewer than two groups are large enough to compare": "足够大而可比较的组少于两个",
    "fewer than {fewest} groups have a value ({why})": "有数值的组少于 {fewest} 个（{why}）",
    "every group's rate is 0": "各组比率均为 0",
    "the rate has no rows": "该比率没有数据行",
    "no group with two rows": "没有至少两行的组",
    "no benefits at all": "没有任何获益",
    "too small to compare: {n} rows": "过小而无法比较：{n} 行",
    "too small to compare: {n} rows, the minimum is {least}": (
        "过小而无法比较：{n} 行，下限为 {least} 行"
    ),
    "too small to compare: {n} people refused, the minimum is {least}": (
        "过小而无法比较：{n} 名被拒者，下限为 {least} 名"
    ),
    "too small, left out (minimum {least} rows): {names}": (
        "过小而未计入（下限 {least} 行）：{names}"
    ),
    "too small, left out: {names}": "过小而未计入：{names}",
    "left out, under {fewest} people refused: {names}": "被拒者少于 {fewest} 名而未计入：{names}",
    "left out: {names}": "未计入：{names}",
    "{n} groups under {least} rows left out": "{n} 个不足 {least} 行的组未计入",
    "under {share} of the people in its table, left out: {n} people, rate {rate}": (
        "占该表人数不足 {share}，未计入：{n} 人，比率 {rate}"
    ),
    "bounds for unknown values are not offered for weighted rows": "加权数据行不提供未知值的界限",
    "these tests count rows; they are not offered for weighted rows": (
        "这些检验按行计数，不适用于加权数据行"
    ),
    "more than {most} groups: their pairs are not drawn": "组数超过 {most}：未逐对抽取",
    "more than {most} groups: not swept": "组数超过 {most}：未逐一扫描",
    "columns left out: {names}": "未计入的列：{names}",
    "no input column besides the sensitive features can be compared": (
        "除敏感特征外没有可比较的输入列"
    ),
    "there are no input columns besides the sensitive features": "除敏感特征外没有输入列",
    "{n} rows are too few for {k} neighbours each": "{n} 行不足以为每行找到 {k} 个近邻",
    "no column has levels to search": "没有可搜索取值的列",
    "no rows to swap": "没有可替换的行",
    "none of the terms occurs in column {column}": "列 {column} 中没有出现任何待替换词语",
    "the model does not read {feature}: swapping it changes nothing": (
        "模型不读取 {feature}：替换它不会改变任何结果"
    ),
    "swapped to the {most} most frequent of {n} values": "仅替换为 {n} 个取值中最常见的 {most} 个",
    "no reference shares are declared (declared: {example})": (
        "未声明参照占比（在 declared 下写：{example}）"
    ),
    "no mitigation is stated": "未声明缓解措施",
    "mitigated by {method}": "以 {method} 缓解",
    "reads {features}": "读取 {features}",
    # explanations
    "every attribution is zero": "所有归因为零",
    "every attribution is zero: there is no order that could change": (
        "所有归因为零：没有可变化的次序"
    ),
    "every attribution is zero and no output differs from the baseline's: the model ignores its "
    "input, there is nothing to explain": (
        "所有归因为零，且没有输出不同于基线：模型忽略其输入，没有可解释的内容"
    ),
    "every attribution of the other is zero": "另一方的所有归因为零",
    "one {part} has no order": "只有一个{part}，没有次序",
    "all columns are equal in one of the two: no order": "其中一方各列相同：没有次序",
    "no second method is offered": "没有可用的第二种方法",
    "no shuffled model has attributions that differ between columns": (
        "打乱后的模型在各列上的归因均无差别"
    ),
    "{n} shuffles without an order": "{n} 次打乱没有次序",
    "no row has {parts} in an order by both methods": "没有一行的{parts}在两种方法下都有次序",
    "no output changes with {parts} at the baseline": "将{parts}置于基线时没有输出改变",
    "no output changes with {parts} taken out": "去掉{parts}时没有输出改变",
    "the output is that of the baseline in every row": "每一行的输出都等于基线的输出",
    "{method} draws nothing: every seed gives the same": "{method} 不作随机抽取：任何种子结果相同",
    "no column of numbers that noise could move": "没有噪声可以移动的数值列",
    "noise moves columns of numbers; these rows are made of {parts}": (
        "噪声只移动数值列，而这些行由{parts}组成"
    ),
    "{n} rows without any attribution left out": "{n} 行没有任何归因，未计入",
    "permutation shuffles columns among rows; these rows are explained by {parts}": (
        "置换在行间打乱列，而这些行以{parts}解释"
    ),
    "asked of tables: {parts} are not columns that all rows have in common": (
        "只针对表格：{parts}不是各行共有的列"
    ),
    "the model was not found to be linear, so its attributions have no closed form": (
        "未发现模型为线性，因此其归因没有闭式解"
    ),
    "attributions by {method} are not in the unit of the output": "{method} 的归因与输出单位不同",
    "attributions are in {unit}: see relative_completeness_gap": (
        "归因以 {unit} 为单位：见 relative_completeness_gap"
    ),
    "no sensitive feature is an input of the model": "没有敏感特征是模型的输入",
    "the model has no inputs besides the sensitive features": "除敏感特征外模型没有输入",
    "the model reads no sensitive feature": "模型不读取任何敏感特征",
    "read by the model, and left out as reasons: {features}": "模型读取、但不列为理由：{features}",
    "no input is declared or detected as a proxy": "没有输入被声明或检出为替代特征",
    "a proxy: {why}": "替代特征：{why}",
    "declared": "已声明",
    "tells {group} from others, AUC {auc}": "可将 {group} 与其他组区分，AUC {auc}",
    "proxies: {names}": "替代特征：{names}",
    "a {task} task has no decision that is adverse to a person": "{task}任务没有对个人不利的决定",
    "which decision is adverse is not declared: set positive_is to benefit or burden": (
        "未声明何种决定不利：请将 positive_is 设为 benefit 或 burden"
    ),
    "the model reads free text or pixels, not columns to name as reasons": (
        "模型读取自由文本或像素，没有可列为理由的列"
    ),
    "no decision is adverse": "没有不利决定",
    "no decision is favourable": "没有有利决定",
    "nobody was refused": "没有人被拒",
    "nobody among the sampled people has a reason": "抽样人员中没有人有理由",
    "the reference applicant itself is refused (score {score}): declare another one in "
    "reference_applicant": (
        "参照申请人本身也被拒（得分 {score}）：请在 reference_applicant 中另行声明"
    ),
    "one scored column: there is no other to compare a reason with": (
        "仅有一个评分列：没有可与理由比较的其他列"
    ),
    "no change was found for anybody": "未为任何人找到可行的改变",
    "no input column can be changed ({columns})": "没有可改变的输入列（{columns}）",
    "no method explains this model: its tokens can't be asked for": (
        "没有方法可解释该模型：无法获取其词元"
    ),
    # performance, robustness, energy, privacy, plan
    "the training rows were not given (--training-data)": "未提供训练数据行（--training-data）",
    "accuracy is of classifiers with true labels": "准确率仅适用于有真实标签的分类模型",
    "the loss needs true answers and probabilities": "损失需要真实答案与概率",
    "fewer than two rows on a side": "某一侧少于两行",
    "the loss does not vary": "损失没有变化",
    "the metric gives no number here": "该指标在此没有数值",
    "the same batch gets other answers each time, as if dropout or another random layer were "
    "left on": "同一批数据每次答案不同，似有 dropout 或其他随机层未关闭",
    "answers depend on the clock or the environment": "答案取决于时钟或环境",
    "answers depend on what the process has seen, as if the model kept a state": (
        "答案取决于进程此前所见，似乎模型保存了状态"
    ),
    "answers moved after the audit had scored, as if the model counted its calls": (
        "审计评分后答案发生变化，似乎模型在计数调用"
    ),
    "answers depend on the batch that a row comes in, as if batch normalisation were left in "
    "training mode, or as if the model told an audit by its batches or calls": (
        "答案取决于该行所在批次，似乎批归一化仍处于训练模式，或模型依批次或调用识别审计"
    ),
    "answers differ: {ways}": "答案不一致：{ways}",
    "{n} rows are decided by chance, as the model states: these decisions are not compared": (
        "{n} 行按模型声明由随机决定：这些决定未作比较"
    ),
    "the model holds no record of what its training cost (cost.json)": (
        "模型没有训练成本记录（cost.json）"
    ),
    "the record of training does not say": "训练记录未说明",
    "of the last part of the run only": "仅为训练的最后一段",
    "the model holds no ledger of differentially private training": "模型没有差分隐私训练账本",
    "the model holds no privacy record: whether it was trained privately is unknown": (
        "模型没有隐私记录：不知是否经差分隐私训练"
    ),
    "the model was trained without differential privacy": "模型未经差分隐私训练",
    "outside the guarantee: {names}": "不在保证范围内：{names}",
    "composition unknown: the ledger store that kept this run is not here": (
        "组合预算未知：记录该次训练的账本存储不在此处"
    ),
    "the ledger says nothing about preprocessing": "账本未说明预处理",
    "the ledger holds one accountant's epsilon only": "账本只有一种核算方法的 ε",
    "no declared_file names thresholds that were fixed in advance": (
        "没有 declared_file 写明事先确定的阈值"
    ),
    "the file is in no git repository": "该文件不在 git 仓库中",
    "the file was changed since its last commit": "该文件自上次提交后有改动",
    "the file was never committed": "该文件从未提交",
    "the git repository can't be read: {error}": "无法读取 git 仓库：{error}",
    # published reports
    "withheld from publication: about under {n} people, or it would give their number away": (
        "不予公布：涉及不足 {n} 人，或可由此推算出其人数"
    ),
    "notes and numbers of rows withheld: groups under {n} people are among those compared": (
        "备注与行数不予公布：参与比较的组中有不足 {n} 人者"
    ),
    # two cases, row by row
    "the rows of {a} and {b} do not match one by one": "{a} 与 {b} 的数据行无法一一对应",
    "case {case} holds no decisions row by row": "案卷 {case} 没有逐行的决定",
    "{what} differs, {one} and {other}: {a} and {b} cannot be paired": (
        "{what} 不同（{one} 与 {other}）：{a} 与 {b} 无法配对"
    ),
    "{case} is of a {task} task; classifiers are compared": (
        "{case} 属于{task}任务；只比较分类任务"
    ),
    "{measure} of a {task} task is not compared row by row": "{task}任务的 {measure} 不逐行比较",
    "the cases have no rows of {group}": "两个案卷都没有 {group} 的数据行",
}
# What may stand at a name and has a Chinese word of its own.
_NAMED = {
    "this group": "该组",
    "the rest": "其余各组",
    "column": "列",
    "columns": "各列",
    "patch": "图块",
    "patches": "图块",
    "word": "词",
    "words": "词",
    "binary": "二分类",
    "multiclass": "多分类",
    "regression": "回归",
    "generation": "文本生成",
}
_NAME = re.compile(r"\{(\w+)\}")
_LISTED = re.compile(r" ?\(([^()]*)\)")
_MORE = re.compile(r" and (\d+) more$")


def in_chinese(reason: str) -> str:
    """``reason`` in Chinese, sentence by sentence.

    >>> in_chinese("no rows; too small to compare: 3 rows, the minimum is 10")
    '没有数据行；过小而无法比较：3 行，下限为 10 行'
    """
    return "；".join(_sentence(part) for part in reason.split("; ")) if reason else ""


def _sentence(text: str) -> str:
    known = _known(text)
    return f"原文“{text}”" if known is None else known


def _known(text: str) -> str | None:
    for pattern, made in _patterns():
        found = pattern.fullmatch(text)
        if found is not None:
            return made.format(**{k: _part(k, v) for k, v in found.groupdict().items()})
    return None


def _part(name: str, text: str) -> str:
    """What stands at a name: a sentence, a word, or a list with sentences in brackets."""
    if name == "why":
        return _known(text) or text
    if name == "names":
        told = _LISTED.sub(lambda m: f"（{_known(m[1]) or m[1]}）", text)
        return _MORE.sub(r" 等另 \1 个", told)
    return _NAMED.get(text, text)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Fixed sentences first, so that none is taken for a variable one."""
    ordered = sorted(_ZH.items(), key=lambda pair: (pair[0].count("{"), pair[0]))
    return tuple((re.compile(_pattern(en), re.S), zh) for en, zh in ordered)


def _pattern(template: str) -> str:
    parts = _NAME.split(template)
    texts = (re.escape(part) if i % 2 == 0 else f"(?P<{part}>.+?)" for i, part in enumerate(parts))
    return "".join(texts)
