"""`make benchmark SUITE=olga`: trains and judges what is not done yet, then writes the page."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import gc
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from benchmarks.suite import OWN_PROGRAMS
from catalogues.errors import InputError
from pipeline.home import home, log_folder
from pipeline.preflight import check_home
from pipeline.quiet import quiet_third_parties

if TYPE_CHECKING:
    from benchmarks.catalogue import JudgedCatalogue
    from benchmarks.plan import Job
    from benchmarks.store import Store
    from benchmarks.suite import Suite

RESULTS: Final = Path(__file__).parent / "results"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    own = given[0] if given and given[0] in OWN_PROGRAMS else None
    program = importlib.import_module(f"benchmarks.{own}.program") if own else None
    parser = _parser() if program is None else _own_parser(program)
    args = parser.parse_args(given)
    # Before anything imports TensorFlow.
    log = quiet_third_parties(log_folder())
    try:
        with _ended_by_sigterm():
            if program is None:
                return _run(args, log)
            check_home()
            with only_benchmark(args.suite):
                return int(program.run(args, RESULTS, home().resolve() / "benchmarks", _tell))
    except InputError as error:
        print(f"artist_sim: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        print(
            "artist_sim: interrupted; run again to go on, or with --page-only for a page of what "
            "is done.",
            file=sys.stderr,
        )
        return 143 if isinstance(error, _Terminated) else 130


class _Terminated(KeyboardInterrupt):
    """SIGTERM came."""


@contextlib.contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Lets SIGTERM end what is inside as Ctrl-C does, which takes along whatever it started."""

    def stop(*_: Any) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description="Trains and judges the systems of a suite; what is done is not done again.",
    )
    parser.add_argument(
        "suite",
        help="a file of benchmarks/suites, without its ending; or " + ", ".join(OWN_PROGRAMS),
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=[],
        metavar="PART",
        help="systems whose name holds one of these",
    )
    parser.add_argument("--seeds", nargs="+", type=int, help="only these of the suite's")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--list", action="store_true", help="what is done and what is left")
    what.add_argument("--page-only", action="store_true", help="write the page from the results")
    return parser


def _own_parser(program: ModuleType) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description=program.DESCRIPTION
    )
    parser.add_argument("suite", choices=OWN_PROGRAMS)
    program.add_options(parser)
    return parser


def _run(args: argparse.Namespace, log: Path) -> int:
    from benchmarks.catalogue import catalogue_digest, make_catalogue
    from benchmarks.plan import jobs_of
    from benchmarks.store import Store
    from benchmarks.suite import load_suite

    suite = load_suite(args.suite)
    store = Store(RESULTS / suite.name)
    if args.list or args.page_only:
        digest = catalogue_digest(suite.config) or last_digest(suite.name)
        jobs = _some(jobs_of(suite, digest, only=args.only, seeds=args.seeds), suite, args.only)
        if args.list:
            print_list(jobs, store)
            return 0
        return 0 if write_page(suite, digest, store) else 1
    check_home()
    with only_benchmark(suite.name):
        # Misspelt --only and unknown systems are told before anything is imported or built.
        _check(_some(jobs_of(suite, "", only=args.only, seeds=args.seeds), suite, args.only))
        digest = make_catalogue(suite.config, _tell)
        jobs = jobs_of(suite, digest, only=args.only, seeds=args.seeds)
        failed = _do(suite, jobs, store, log)
        write_page(suite, digest, store)
    return 1 if failed else 0


def _do(suite: Suite, jobs: Sequence[Job], store: Store, log: Path) -> int:
    from benchmarks.catalogue import load_judged, make_examples

    if all(store.find(job.key) for job in jobs):
        _tell(f"All {len(jobs)} are done.")
        return 0
    digest = jobs[0].digest
    examples = make_examples(suite.config, digest, home() / "benchmarks" / suite.name, _tell)
    return run_jobs(jobs, load_judged(examples, digest, suite.split), store, log)


def run_jobs(
    jobs: Sequence[Job], catalogue: JudgedCatalogue, store: Store, log: Path | None = None
) -> int:
    """Does the jobs that are not done, one line each; returns how many failed."""
    import logging

    from benchmarks.measure import judged_queries, measure
    from benchmarks.plan import clock, seconds_left

    if store.queries(catalogue.digest) is None:
        store.write_queries(catalogue.digest, judged_queries(catalogue))
    done = [(job, record) for job in jobs if (record := store.find(job.key))]
    left = [job for job in jobs if not store.find(job.key)]
    _tell(f"{len(done)} of {len(jobs)} are done, ETA {clock(seconds_left(left, done))}.")
    failed = 0
    while left:
        job = left.pop(0)
        number = len(jobs) - len(left)
        title = f"[{number}/{len(jobs)}] {job.title}"
        try:
            measured = measure(job, catalogue, _on_epoch(title))
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001, one that fails must not cost the others
            failed += 1
            logging.exception("%s failed", job.title)
            where = f"; see {log.name} in {log.parent.name}/" if log else ""
            _tell(f"{title}: failed ({type(error).__name__}: {error}){where}")
            continue
        store.write(
            job.key, job.title.replace(", seed ", "-seed"), measured.record, measured.scores
        )
        done.append((job, measured.record))
        _tell(f"{title}: {_line(measured.record)}, ETA {clock(seconds_left(left, done))}")
        # A network's features and optimiser are hundreds of MiB that hold on to each other.
        del measured
        gc.collect()
    return failed


def print_list(jobs: Sequence[Job], store: Store) -> None:
    """Prints what is done and what is left, with the time that it took or may take."""
    from benchmarks.plan import clock, estimate, seconds_left

    records = {job.key: store.find(job.key) for job in jobs}
    done = [(job, record) for job in jobs if (record := records[job.key])]
    width = max(len(job.title) for job in jobs)
    for job in jobs:
        record = records[job.key]
        about = clock(estimate(job, done))
        state = f"done  {_line(record)}" if record else f"left  about {about}"
        print(f"{job.title:<{width}}  {state}")
    left = [job for job in jobs if not records[job.key]]
    print(f"{len(done)} done, {len(left)} left: about {clock(seconds_left(left, done))}")


def write_page(suite: Suite, digest: str, store: Store) -> bool:
    """Writes the suite's JSON, plots and page; False while there is nothing to write."""
    from benchmarks.figures import summarise
    from benchmarks.page import markdown_page
    from benchmarks.plots import draw_plots
    from benchmarks.store import write_json, write_whole

    summary = summarise(suite, digest, store)
    if summary is None:
        _tell(f"Nothing is done yet; `make benchmark SUITE={suite.name}` begins.")
        return False
    source = store.folder.with_suffix(".json")
    write_json(source, summary)
    plots = {}
    for name, image in draw_plots(summary).items():
        path = suite.page.with_suffix("") / f"{name}.png"
        write_whole(path, image)
        plots[name] = os.path.relpath(path, suite.page.parent)
    page = markdown_page(summary, plots, os.path.relpath(source, suite.page.parent))
    write_whole(suite.page, page.encode())
    _tell(f"page: {suite.page}")
    return True


@contextlib.contextmanager
def only_benchmark(name: str) -> Iterator[None]:
    """Keeps a second run of the suite out; the lock goes with the process, however it ends.

    Raises:
      InputError: another one is at work.
    """
    folder = home() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"The suite '{name}' is being run already; wait for it, or stop it first."
            ) from None
        yield


def last_digest(name: str) -> str:
    """The catalogue that the committed results are of, where the catalogue itself is not there."""
    import json

    path = RESULTS / f"{name}.json"
    if not path.exists():
        raise InputError(
            f"The catalogue of '{name}' is not there yet; `make benchmark SUITE={name}` imports it."
        )
    digest: str = json.loads(path.read_text())["catalogue"]["digest"]
    return digest


def _some(jobs: list[Job], suite: Suite, only: Sequence[str]) -> list[Job]:
    if not jobs:
        names = ", ".join(system.name for system in suite.systems)
        raise InputError(f"No system's name holds {' or '.join(only)}; there is {names}.")
    return jobs


def _check(jobs: Sequence[Job]) -> None:
    from trainer.systems.registry import check_system

    for job in jobs:
        if job.config is not None:
            check_system(job.config.system)


def _on_epoch(title: str) -> Any:
    if not sys.stdout.isatty():
        return lambda report: None

    def tell(report: Any) -> None:
        score = report.scores["connected"]
        text = f"{title}: epoch {report.epoch} of {report.epochs}, val {score:.3f}"
        print(f"\r\033[K{text}", end="", flush=True)

    return tell


def _line(record: Any) -> str:
    from benchmarks.plan import clock

    scores, val = record["ndcg@200"], record["val"]["connected"]
    epochs = f", {record['epochs']} epochs" if record["epochs"] else ""
    parts = [f"{condition} {_score(value)}" for condition, value in scores.items()]
    parts.append(f"val {_score(val)}")
    if pairwise := record.get("pairwise"):
        both = (_score(pairwise[part]["connected"]) for part in ("ndcg@200", "val"))
        parts.append("with the pairwise term connected {}, val {}".format(*both))
    seconds = record["fit_seconds"] + record["judge_seconds"]
    return f"{', '.join(parts)}{epochs} in {clock(seconds)}"


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _tell(text: str) -> None:
    print(f"{chr(13)}\033[K{text}" if sys.stdout.isatty() else text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
