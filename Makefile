# artist_sim. `make` alone lists what one can do.
.DEFAULT_GOAL := help
CONFIG ?= configs/sampler.yaml
SUITE ?= sampler
WORKERS ?= 2
VARIANT ?= cpu
IMAGE ?= artist-sim:0.1.0$(if $(filter gpu,$(VARIANT)),-gpu)
BIN := .venv/bin
HOME_FOLDER := $(or $(ARTIST_SIM_HOME),.artist_sim)
PYTORCH ?= $(patsubst %/.installed,%,$(lastword $(wildcard $(HOME_FOLDER)/benchmarks/cost*/pytorch-*/.installed)))
RESOLVE := $(BIN)/uv pip compile setup.py --python-version 3.10 --generate-hashes --no-header \
	--no-annotate --quiet

.PHONY: help setup run serve flink-up flink-down benchmark test test-flink test-spark test-pytorch lint lock image clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  make run CONFIG=configs/olga.yaml   another catalogue or configuration"
	@echo "  make benchmark SUITE=olga           another suite; more: OPTIONS=--help"

setup: .venv/.installed ## Python 3.10 environment in .venv, with exact versions (does nothing twice)

.venv/.installed: requirements.lock setup.py .ci/set-up
	@.ci/set-up

run: setup ## compile and run the pipeline through the TFX command line (RUNNER=flink: Beam stages there)
	@$(BIN)/python -m pipeline.run --config "$(CONFIG)" $(if $(RUNNER),--runner "$(RUNNER)")

serve: setup ## answer requests for the last pushed model, as TF Serving does (Ctrl-C ends it)
	@$(BIN)/artist-sim serve $(OPTIONS)

flink-up: setup ## a local Flink cluster, for CONFIG=configs/flink.yaml (needs Java and Maven)
	@$(BIN)/artist-sim flink up $(OPTIONS)

flink-down: setup ## take that cluster down
	@$(BIN)/artist-sim flink down

benchmark: setup ## train and judge the systems of a suite, and write its page (resumes)
	@$(BIN)/python -m benchmarks.run "$(SUITE)" $(OPTIONS)

test: setup ## all tests, two files at a time (WORKERS=N: more; 0: in one process)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TESTS)

test-flink: setup ## the tests that need a Flink cluster, which they bring up by themselves
	@ARTIST_SIM_TEST_FLINK=1 $(BIN)/python -m pytest -n 0 tests/pipeline/flink tests/pipeline/engines/test_on_flink.py

test-spark: setup ## the same on Spark, in one process (needs Java and Maven)
	@ARTIST_SIM_TEST_SPARK=1 $(BIN)/python -m pytest -n 0 tests/pipeline/engines/test_on_spark.py

test-pytorch: setup ## the tests that compare with PyTorch Geometric, once the cost suite has installed it
	@test -n "$(PYTORCH)" || { echo "There is no PyTorch Geometric; \
	make benchmark SUITE=cost OPTIONS='--stages training --quick --forms whole_csr' installs it."; exit 2; }
	@ARTIST_SIM_TEST_PYTORCH="$(abspath $(PYTORCH))" $(BIN)/python -m pytest -n 0 \
	tests/benchmarks/test_cost_training.py tests/trainer/test_graph_convolutions.py

lint: setup ## ruff and mypy
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

lock: setup ## resolve the newest versions that setup.py allows into requirements*.lock
	@$(RESOLVE) --extra dev --upgrade --output-file requirements.lock
	@$(RESOLVE) --constraint requirements.lock --output-file requirements-cpu.lock
	@$(RESOLVE) --constraint requirements.lock --extra gpu --output-file requirements-gpu.lock

image: ## the container image of all steps (VARIANT=gpu: with CUDA; IMAGE=name:tag)
	docker build --build-arg VARIANT=$(VARIANT) --tag "$(IMAGE)" .

clean: ## remove the environment; runs and models in .artist_sim stay
	rm -rf .venv
