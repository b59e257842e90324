"""Metrics from Keras 3 and scikit-learn, in float64, streamed over three batches.

    KERAS_BACKEND=jax python scripts/goldens/metrics.py

Writes test/nn/metrics.safetensors, which test/nn/metrics-golden.test.ts compares.
"""

import os
import pathlib
import zlib

os.environ["KERAS_BACKEND"] = "jax"
import jax

jax.config.update("jax_enable_x64", True)
import keras
import numpy as np
import sklearn
import sklearn.metrics as S
from store import Store, quantized

keras.config.set_floatx("float64")
keras.config.set_dtype_policy("float64")
keras.src.backend.numpy.mean = lambda x, axis=None, keepdims=False: jax.numpy.mean(x, axis=axis, keepdims=keepdims)
M = keras.metrics
TARGET = pathlib.Path(__file__).parents[2] / "test/nn/metrics.safetensors"
SIZES = (7, 4, 2)
store = Store()


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def draw(kind, shape):
    """Targets and outputs of all batches; `kind` says what they are."""
    g = np.random.default_rng(zlib.crc32(repr((kind, shape)).encode()))
    if kind == "binary":
        return (g.random(shape) < 0.4).astype(float), quantized(g.uniform(0.02, 0.98, shape))
    if kind == "logits":
        return (g.random(shape) < 0.4).astype(float), quantized(g.normal(size=shape))
    if kind == "regression":
        y = g.normal(size=shape)
        return quantized(y), quantized(y + 0.5 * g.normal(size=shape))
    if kind == "positive":
        return quantized(g.uniform(0.2, 3, shape)), quantized(g.uniform(0.2, 3, shape))
    labels = g.integers(0, shape[-1], shape[:-1])
    outputs = quantized(softmax(g.normal(size=shape) + 1.5 * np.eye(shape[-1])[labels]))
    return (labels if kind == "sparse" else np.eye(shape[-1])[labels]), outputs


losses = {
    "binary": {"name": "binaryCrossentropy", "fromLogits": False},
    "logits": {"name": "binaryCrossentropy", "fromLogits": True},
    "regression": {"name": "meanSquaredError"},
    "positive": {"name": "meanSquaredError"},
    "oneHot": {"name": "categoricalCrossentropy", "fromLogits": False},
    "sparse": {"name": "sparseCategoricalCrossentropy", "fromLogits": False},
}


def case(metric, kind, sample, expected):
    """`expected(target, output, weights, batches)` for samples of shape `sample`, plain and weighted."""
    shape = (sum(SIZES), *sample)
    target, output = draw(kind, shape)
    ends = np.cumsum(SIZES)
    batches = [slice(end - size, end) for end, size in zip(ends, SIZES)]
    for weighted in (False, True):
        weights = quantized(np.random.default_rng(5).uniform(0.25, 2, shape[0])) if weighted else None
        value = np.asarray(expected(target, output, weights, batches), np.float64)
        one = {"metric": metric, "loss": losses[kind], "target": store.input(target), "output": store.input(output)}
        if kind == "sparse":
            one["integer"] = True
        if weighted:
            one["weights"] = store.input(weights)
        one["count"] = value.size
        store.result(value)
        store.cases.append(one)


def with_keras(metric, kind, sample, make, dense=False):
    """`dense`: Keras's metric wants one-hot targets where ours takes class numbers."""

    def expected(target, output, weights, batches):
        m = make()
        for batch in batches:
            y = np.eye(output.shape[-1])[target[batch]] if dense else target[batch]
            w = None if weights is None else weights[batch]
            if w is not None and len(sample) > 1:
                w = w.reshape(-1, *([1] * (len(sample) - 1)))
                w = np.broadcast_to(w, output.shape[:-1][:0] + (len(w), *sample[:-1]))
            m.update_state(y, output[batch], sample_weight=w)
        return m.result()

    case(metric, kind, sample, expected)


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


for sample in ((1,), (3,), (2, 3)):
    with_keras({"name": "binaryAccuracy"}, "binary", sample, M.BinaryAccuracy)
    with_keras({"name": "binaryAccuracy", "threshold": 0.75}, "binary", sample, lambda: M.BinaryAccuracy(threshold=0.75))
for sample in ((5,), (2, 4)):
    with_keras({"name": "categoricalAccuracy"}, "oneHot", sample, M.CategoricalAccuracy)
    with_keras({"name": "sparseCategoricalAccuracy"}, "sparse", sample, M.SparseCategoricalAccuracy)
for k in (1, 2, 3):
    with_keras({"name": "topKCategoricalAccuracy", "k": k}, "oneHot", (5,), lambda: M.TopKCategoricalAccuracy(k=k))
    with_keras({"name": "sparseTopKCategoricalAccuracy", "k": k}, "sparse", (5,),
               lambda: M.SparseTopKCategoricalAccuracy(k=k))
for name, make in (("precision", M.Precision), ("recall", M.Recall)):
    for kind, sample in (("binary", (1,)), ("binary", (3,)), ("oneHot", (4,))):
        with_keras({"name": name}, kind, sample, make)
        with_keras({"name": name, "threshold": 0.375}, kind, sample, lambda: make(thresholds=0.375))
        if sample != (1,):
            with_keras({"name": name, "topK": 2}, kind, sample, lambda: make(top_k=2))
            with_keras({"name": name, "classId": 1}, kind, sample, lambda: make(class_id=1))
            with_keras({"name": name, "classId": 2, "topK": 2}, kind, sample, lambda: make(class_id=2, top_k=2))
for name, make in (("truePositives", M.TruePositives), ("falsePositives", M.FalsePositives),
                   ("trueNegatives", M.TrueNegatives), ("falseNegatives", M.FalseNegatives)):
    for sample in ((1,), (3,)):
        with_keras({"name": name}, "binary", sample, make)
for average in (None, "micro", "macro", "weighted"):
    ours = average or "none"
    for beta in (1.0, 0.5, 2.0):
        given = dict(average=average, beta=beta)
        for threshold in (None, 0.375):
            with_keras({"name": "fBetaScore", "average": ours, "beta": beta, "threshold": threshold}, "oneHot", (4,),
                       lambda: M.FBetaScore(**given, threshold=threshold))
        with_keras({"name": "fBetaScore", "average": ours, "beta": beta}, "sparse", (4,),
                   lambda: M.FBetaScore(**given), dense=True)
    with_keras({"name": "f1Score", "average": ours}, "oneHot", (4,), lambda: M.F1Score(average=average))
for curve in ("ROC", "PR"):
    for method in ("interpolation", "minoring", "majoring"):
        for points in (200, 11):
            config = {"name": "auc", "curve": curve, "summationMethod": method, "numThresholds": points}
            given = dict(curve=curve, summation_method=method, num_thresholds=points)
            for kind, sample in (("binary", (1,)), ("binary", (3,)), ("oneHot", (4,))):
                with_keras(config, kind, sample, lambda: M.AUC(**given))
            with_keras({**config, "multiLabel": True}, "binary", (3,), lambda: M.AUC(**given, multi_label=True))
            with_keras({**config, "multiLabel": True, "labelWeights": [1, 2, 0.5]}, "binary", (3,),
                       lambda: M.AUC(**given, multi_label=True, num_labels=3, label_weights=[1, 2, 0.5]))
    with_keras({"name": "auc", "curve": curve}, "logits", (1,), lambda: M.AUC(curve=curve, from_logits=True))
with_keras({"name": "meanIoU"}, "oneHot", (4,), lambda: M.OneHotMeanIoU(num_classes=4, dtype="float64"))
with_keras({"name": "meanIoU"}, "sparse", (4,), lambda: M.MeanIoU(num_classes=4, sparse_y_pred=False, dtype="float64"))
with_keras({"name": "meanIoU"}, "sparse", (2, 3, 4), lambda: M.MeanIoU(num_classes=4, sparse_y_pred=False, dtype="float64"))
with_keras({"name": "meanIoU", "targetClassIds": [1, 3]}, "sparse", (4,),
           lambda: M.IoU(num_classes=4, target_class_ids=[1, 3], sparse_y_pred=False, dtype="float64"))
for how in ("uniform_average", "variance_weighted_average", None):
    for regressors in (0, 2):
        config = {"name": "r2Score", "classAggregation": camel(how or "none"), "numRegressors": regressors}
        for sample in ((1,), (3,)):
            with_keras(config, "regression", sample, lambda: M.R2Score(class_aggregation=how, num_regressors=regressors))
for name, make, kinds in (
    ("rootMeanSquaredError", M.RootMeanSquaredError, ["regression"]),
    ("meanSquaredError", M.MeanSquaredError, ["regression"]),
    ("meanAbsoluteError", M.MeanAbsoluteError, ["regression"]),
    ("meanAbsolutePercentageError", M.MeanAbsolutePercentageError, ["positive"]),
    ("meanSquaredLogarithmicError", M.MeanSquaredLogarithmicError, ["positive"]),
    ("logCoshError", M.LogCoshError, ["regression"]),
    ("poisson", M.Poisson, ["positive"]),
    ("kullbackLeiblerDivergence", M.KLDivergence, ["oneHot"]),
    ("cosineSimilarity", M.CosineSimilarity, ["regression"]),
    ("squaredHinge", M.SquaredHinge, ["logits"]),
    ("categoricalHinge", M.CategoricalHinge, ["oneHot"]),
    ("categoricalCrossentropy", M.CategoricalCrossentropy, ["oneHot"]),
    ("sparseCategoricalCrossentropy", M.SparseCategoricalCrossentropy, ["sparse"]),
    ("binaryCrossentropy", M.BinaryCrossentropy, ["binary"]),
    ("binaryCrossentropy", lambda: M.BinaryCrossentropy(from_logits=True), ["logits"]),
):
    for kind in kinds:
        for sample in ((5,), (2, 3)):
            with_keras({"name": name}, kind, sample, make)


# ---- scikit-learn ----------------------------------------------------------------------------------------------------


def with_sklearn(metric, function, kinds=("sparse", "oneHot", "binary"), **options):
    def expected(target, output, weights, batches):
        if output.shape[-1] == 1:
            truth, said = target.ravel() > 0.5, output.ravel() > 0.5
        else:
            truth, said = (target if target.ndim < output.ndim else target.argmax(-1)), output.argmax(-1)
        return function(truth.ravel(), said.ravel(), sample_weight=weights, **options)

    for kind in kinds:
        case(metric, kind, (1,) if kind == "binary" else (4,), expected)


labels = dict(labels=range(4))
for weights in (None, "linear", "quadratic"):
    with_sklearn({"name": "cohenKappa", "weights": weights}, S.cohen_kappa_score, weights=weights)
with_sklearn({"name": "matthewsCorrelation"}, S.matthews_corrcoef)
for normalize in (None, "true", "pred", "all"):
    with_sklearn({"name": "confusionMatrix", "normalize": normalize}, S.confusion_matrix, normalize=normalize)
for average in (None, "micro", "macro", "weighted"):
    for name, function in (("precision", S.precision_score), ("recall", S.recall_score)):
        with_sklearn({"name": name, "average": average or "none"}, function, ("sparse",), average=average,
                     zero_division=0, **labels)


def specificity(truth, said, sample_weight, average):
    counts = S.multilabel_confusion_matrix(truth, said, sample_weight=sample_weight, **labels)
    tn, fp = counts[:, 0, 0], counts[:, 0, 1]
    if average == "micro":
        return tn.sum() / (tn.sum() + fp.sum())
    each = tn / (tn + fp)
    if average == "none":
        return each
    return each.mean() if average == "macro" else np.average(each, weights=counts[:, 1, :].sum(-1))


for average in ("micro", "macro", "weighted", "none"):
    with_sklearn({"name": "specificity", "average": average}, specificity, ("sparse",), average=average)


def report(truth, said, sample_weight):
    found = S.classification_report(truth, said, sample_weight=sample_weight, output_dict=True, zero_division=0, **labels)
    rows = [found[str(c)] for c in range(4)]
    values = []
    for column in ("precision", "recall", "f1-score"):
        values += [row[column] for row in rows] + [found[f"{kind} avg"][column] for kind in ("macro", "weighted")]
    return values + [row["support"] for row in rows]


with_sklearn({"name": "classificationReport"}, report, ("sparse", "oneHot"))

versions = f"Keras {keras.__version__}, scikit-learn {sklearn.__version__}"
store.write(TARGET, f"{versions}, float64, scripts/goldens/metrics.py")
