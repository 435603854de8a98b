"""What a person may say of training; each default once."""

from __future__ import annotations

import dataclasses
from typing import Final, Literal

from catalogues.spec import LISTENING

RANDOM: Final = "random"
MAPS: Final = ("umap", "pca")
"""How the map of a catalogue may be drawn; trainer/catalogue_map.py says how they differ."""
AUTO: Final = "auto"
BAG: Final = "bag"
PPMI: Final = "ppmi"
FACTORS: Final = "factors"
WORDS: Final = (AUTO, BAG, PPMI, FACTORS)
"""How words may become numbers; trainer/content.py says how they differ. AUTO is PPMI to
contrastive encoders, as in 003 (section 2.2), and BAG to everything else."""
CONTRASTIVE: Final = "contrastive"
LAYERS: Final = ("sage_mean", "gated_gcn", "gin")
"""What a graph convolution may be; trainer/layers has a file for each."""
SAMPLINGS: Final = ("distance_weighted", "uniform")
"""How negatives may be drawn; trainer/mining has a file for each."""
ANCHORS: Final = ("both", "one")
"""Which ends of a hidden edge may be anchors; trainer/tasks/triplet.py says more."""
DENSE: Final = "dense"
ATTENTION: Final = "attention"


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} must lie between {low:g} and {high:g}, not {value:g}")


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


@dataclasses.dataclass(frozen=True)
class FeatureConfig:
    """What a network reads of an artist.

    Attributes:
      modalities: names of modalities of the catalogue; 'random' is a random vector an artist, the
        control of 000 (section 4.2). Empty: all modalities of the catalogue, or random vectors
        where it has none.
      words: how words become numbers, one of WORDS.
      random_dim: width of the random vectors.
      seed: of the random vectors.
    """

    modalities: tuple[str, ...] = ()
    words: str = AUTO
    random_dim: int = 256
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        _one_of("words", self.words, WORDS)
        _within("random_dim", self.random_dim, 1, 65_536)
        _within("seed", self.seed, 0, 2**31 - 1)


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network (defaults: 000, section 4.1).

    Attributes:
      convolutions: K, 0 to 4; 0 is the DNN baseline.
      convolution_units: width of each convolution.
      backend_units: widths of the dense layers after them.
      embedding_dim: width of the linear output.
      layer: what a convolution is, one of LAYERS: the paper's mean of neighbours ('sage_mean'), a
        gate for each channel of each edge ('gated_gcn'), or a dense network of the sum ('gin').
      modality_units: width of a dense layer that each modality has for itself, before the first
        convolution, with a learnt vector in place of a missing one; 0: none, the features as they
        are.
      modality_dropout: the share of modalities that a training step takes from each artist.
    """

    convolutions: int = 3
    convolution_units: int = 256
    backend_units: tuple[int, ...] = (256, 256)
    embedding_dim: int = 100
    layer: str = LAYERS[0]
    modality_units: int = 0
    modality_dropout: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        _within("convolutions", self.convolutions, 0, 4)
        _within("convolution_units", self.convolution_units, 1, 4096)
        _within("embedding_dim", self.embedding_dim, 2, 256)
        for units in self.backend_units:
            _within("backend_units", units, 1, 4096)
        _one_of("layer", self.layer, LAYERS)
        _within("modality_units", self.modality_units, 0, 4096)
        _within("modality_dropout", self.modality_dropout, 0, 0.99)


@dataclasses.dataclass(frozen=True)
class DiffusionConfig:
    """The system 'diffusion': what an artist's random walks visit, embedded.

    Attributes:
      embedding_dim: width of the vectors.
      hops: length of the walks, 1 to 10.
      decay: what is left of a walk after each hop.
      reach: the most visited artists that are kept of one.
      dropout: the share of visited artists that a training step leaves out.
      content_units: widths of the dense layers between an artist's own content and its vector.
      content_dropout: the share of an artist's features that a training step leaves out.
      distillation: weight of the walks' own similarity, beside the hidden edges, as what is learnt.
      teacher_scale: what makes logits of that similarity, which lies between 0 and 1.
      cold: weight of what content is taught: by pairs of artists without any neighbour, and by
        pairs of one without and one with.
      pairwise: keep the walks of each artist in the served model, so that `similar` ranks by them
        as well, beside the vectors, if validation scores that better.
      pairwise_reach: the most visited artists that are kept for it, at most `reach`: 8 bytes and
        some of a request's time for each.
    """

    embedding_dim: int = 256
    hops: int = 3
    decay: float = 0.5
    reach: int = 300
    dropout: float = 0.3
    content_units: tuple[int, ...] = (512,)
    content_dropout: float = 0.3
    distillation: float = 1.0
    teacher_scale: float = 20.0
    cold: float = 1.0
    pairwise: bool = True
    pairwise_reach: int = 150

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        _within("embedding_dim", self.embedding_dim, 2, 256)
        _within("hops", self.hops, 1, 10)
        _within("decay", self.decay, 1e-3, 1)
        _within("reach", self.reach, 1, 4096)
        _within("pairwise_reach", self.pairwise_reach, 1, 4096)
        _within("dropout", self.dropout, 0, 0.99)
        _within("content_dropout", self.content_dropout, 0, 0.99)
        _within("distillation", self.distillation, 0, 1000)
        _within("teacher_scale", self.teacher_scale, 0.1, 1000)
        _within("cold", self.cold, 1e-3, 1000)
        for units in self.content_units:
            _within("content_units", units, 1, 4096)


@dataclasses.dataclass(frozen=True)
class EncoderConfig:
    """The encoder of one modality in the system 'contrastive'.

    Attributes:
      modality: its name.
      kind: 'dense' layers, or 'attention' over an artist's words.
      units: widths of the dense layers; of attention one width, that of all heads together.
      heads: of attention.
    """

    modality: str
    kind: Literal["dense", "attention"] = DENSE
    units: tuple[int, ...] = (256,)
    heads: int = 4

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        _within("heads", self.heads, 1, 64)
        for units in self.units:
            _within("units", units, 1, 4096)
        if self.kind == ATTENTION and (len(self.units) != 1 or self.units[0] % self.heads):
            raise ValueError(
                "units of attention must be one width that can be divided by the number of heads, "
                f"{self.heads}, not {list(self.units)}"
            )


@dataclasses.dataclass(frozen=True)
class ContrastiveConfig:
    """The system 'contrastive': an encoder for each modality, into one space (003, footnote 1).

    Attributes:
      encoders: of the modalities that are not to have the usual one, which is a layer of 256 for
        a vector called 'listening', layers of 512 and 256 for other vectors (factors of words are
        one), and 4 heads of attention, 256 together, for words.
      embedding_dim: width of the shared space.
      temperature: of the loss.
      learning_rate: the peak, of Adam; in place of that of `training`.
      batch_size: artists of a batch, each a negative of all others.
      require: which training artists are learnt from: 'all' are those with every modality, as the
        paper has it, 'two' those with two or more.
      stop_by: what chooses the best epoch: the 'loss' on the validation artists, which needs no
        edges, or 'ndcg', which is their hidden edges.
    """

    encoders: tuple[EncoderConfig, ...] = ()
    embedding_dim: int = 200
    temperature: float = 0.1
    learning_rate: float = 1e-4
    batch_size: int = 128
    require: Literal["two", "all"] = "two"
    stop_by: Literal["loss", "ndcg"] = "loss"

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        _within("embedding_dim", self.embedding_dim, 2, 256)
        _within("temperature", self.temperature, 1e-3, 10)
        _within("learning_rate", self.learning_rate, 1e-8, 10)
        _within("batch_size", self.batch_size, 2, 1_000_000)
        names = [encoder.modality for encoder in self.encoders]
        if len(set(names)) < len(names):
            raise ValueError("encoders must name each modality once")

    def encoder(self, modality: str, words: bool) -> EncoderConfig:
        """The encoder of a modality, which has a column for each word or else is a vector."""
        for encoder in self.encoders:
            if encoder.modality == modality:
                return encoder
        if words:
            return EncoderConfig(modality, ATTENTION)
        return EncoderConfig(modality, DENSE, (256,) if modality == LISTENING else (512, 256))


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained (defaults: 000, section 4.1, unless said otherwise).

    Attributes:
      epochs: the most; each training artist is an anchor once an epoch.
      warmup_epochs: of linear warm-up; cosine decay fills the rest.
      learning_rate: the peak, of Adam.
      pseudo_eval_fraction: the share of training artists that is one batch. As the judged artists
        at test time, they see none of the edges among them, and predict those.
      max_batch: the most artists of a batch, which bounds memory on large catalogues.
      fan_out: neighbours that an artist hears ('gnn', 'dnn'): the strongest, or random ones, drawn
        anew each epoch, where the catalogue has no weights. Walks go to all.
      negatives: drawn for each pair of similar artists ('gnn', 'dnn').
      sampling: how they are drawn, one of SAMPLINGS: the nearer the likelier, by the density of
        distances on the sphere, or all dissimilar artists of the batch as likely ('gnn', 'dnn').
      anchors: one of ANCHORS: 'both' ends of a hidden edge, each with negatives of its own, or
        'one' of them, drawn at each step ('gnn', 'dnn').
      connection_dropout: the share of messages that a training step leaves out of each
        convolution ('gnn').
      margin: of the triplet loss ('gnn', 'dnn').
      patience: epochs without a better validation score before training stops.
      mixed_precision: bfloat16 layers, float32 weights, distances and loss.
      xla: compile the dense parts with XLA.
      seed: of weights, batches, neighbours and negatives.
    """

    epochs: int = 50
    warmup_epochs: int = 1
    learning_rate: float = 2e-3
    pseudo_eval_fraction: float = 1 / 9
    max_batch: int = 4096
    fan_out: int = 25
    negatives: int = 10
    sampling: str = SAMPLINGS[0]
    anchors: str = ANCHORS[0]
    connection_dropout: float = 0.0
    margin: float = 0.2
    patience: int = 15
    mixed_precision: bool = False
    xla: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range."""
        _within("epochs", self.epochs, 1, 10_000)
        _within("warmup_epochs", self.warmup_epochs, 0, self.epochs)
        _within("learning_rate", self.learning_rate, 1e-8, 10)
        _within("pseudo_eval_fraction", self.pseudo_eval_fraction, 1e-6, 0.5)
        _within("max_batch", self.max_batch, 2, 1_000_000)
        _within("fan_out", self.fan_out, 1, 1_000_000)
        _within("negatives", self.negatives, 1, 10_000)
        _one_of("sampling", self.sampling, SAMPLINGS)
        _one_of("anchors", self.anchors, ANCHORS)
        _within("connection_dropout", self.connection_dropout, 0, 0.99)
        _within("margin", self.margin, 0, 2)
        _within("patience", self.patience, 1, 10_000)
        _within("seed", self.seed, 0, 2**31 - 1)


@dataclasses.dataclass(frozen=True)
class ExplorerConfig:
    """What a pushed model brings along for the explorer, beside what it needs to answer.

    Attributes:
      export: write names, content, visible edges and the map beside the model.
      map: how the map is drawn, one of MAPS.
    """

    export: bool = True
    map: str = "umap"

    def __post_init__(self) -> None:
        """Raises ValueError for a layout that there is not."""
        _one_of("map", self.map, MAPS)


@dataclasses.dataclass(frozen=True)
class TrainerConfig:
    """A system and all that it is trained with.

    Attributes:
      system: the name of a system that can be served; see trainer.systems.registry.
      features: what the network reads.
      pretrained: 'contrastive' trains the encoders of that system on the same catalogue first, and
        lets the network read their embedding, which it does not change, in place of `features`.
      network: sizes of 'gnn' and 'dnn'.
      diffusion: sizes and losses of 'diffusion'.
      contrastive: encoders and loss of 'contrastive'.
      training: how it is trained.
      explorer: what is pushed for people to look at.
      kept_answers: answers to `similar` that the served model keeps of each artist, 8 bytes each. A
        request for more, or with filters, is computed.
    """

    system: str = "diffusion"
    features: FeatureConfig = FeatureConfig()
    pretrained: Literal["none", "contrastive"] = "none"
    network: NetworkConfig = NetworkConfig()
    diffusion: DiffusionConfig = DiffusionConfig()
    contrastive: ContrastiveConfig = ContrastiveConfig()
    training: TrainingConfig = TrainingConfig()
    explorer: ExplorerConfig = ExplorerConfig()
    kept_answers: int = 200

    def __post_init__(self) -> None:
        """Raises ValueError for a value out of range, or what cannot go with others."""
        _within("kept_answers", self.kept_answers, 0, 1000)
        if self.pretrained == CONTRASTIVE:
            if self.system == CONTRASTIVE:
                raise ValueError(
                    "pretrained cannot stand beside `system: contrastive`, which trains the same "
                    "encoders; leave it out"
                )
            if self.network.modality_units or self.network.modality_dropout:
                raise ValueError(
                    "pretrained makes one vector of all modalities, so that there are none left "
                    "for `network.modality_units` and `network.modality_dropout`; leave one or "
                    "the other out"
                )

    @property
    def content(self) -> FeatureConfig:
        """`features`, with `words` as what reads them usually has them, where they are AUTO."""
        if self.features.words != AUTO:
            return self.features
        words = PPMI if CONTRASTIVE in (self.system, self.pretrained) else BAG
        return dataclasses.replace(self.features, words=words)

    @property
    def fan_out(self) -> int:
        """The strongest neighbours that an artist hears where edges have weights; 0: all."""
        return 0 if self.system == "diffusion" else self.training.fan_out
