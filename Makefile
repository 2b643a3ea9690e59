# Two commands do everything on a machine with python3 and make:
#   make demo    the main job on real images, from training to labels
#   make test    the tests
# Both make their own .venv. Another interpreter: make test PYTHON=/path/to/python3.12

.DEFAULT_GOAL := help
.PHONY: help demo test lint arm clean

VENV := .venv
BIN := $(VENV)/bin
# 3.11 first: the only supported version (with 3.10) where both TFLite runtimes exist.
PYTHON ?=
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3.11 python3.12 python3.13 python3.10 python3 python)

help:
	@echo "make demo   train, export, verify and classify: the main job on real images"
	@echo "make test   run the tests"
	@echo "make lint   ruff and mypy"
	@echo "make arm    the runner on emulated 64-bit Arm, beside this machine (x86-64 Debian)"
	@echo "make clean  remove $(VENV) and what demo, tests and arm wrote"

demo: $(VENV)/demo.done
	@$(BIN)/python examples/demo.py demo-output

test: $(VENV)/test.done
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

lint: $(VENV)/test.done
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

arm: $(VENV)/test.done
	@$(BIN)/python tests/arm/run.py

clean:
	rm -rf $(VENV) .arm demo-output .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/demo.done: pyproject.toml | $(BIN)/python
	@echo "Installing TensorFlow and the rest into $(VENV): one to two minutes ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e ".[export-cpu,demo]"
	@touch $@

$(VENV)/test.done: pyproject.toml | $(BIN)/python
	@echo "Installing TensorFlow and the rest into $(VENV): one to two minutes ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -e ".[export-cpu,dev]"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps "tf_keras<2.22"
	@touch $@

$(BIN)/python:
	@found=""; bare=""; \
	for python in $(CANDIDATES); do \
	  version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
	  found="$$found $$python=$$version"; \
	  case $$version in 3.10|3.11|3.12|3.13) ;; *) continue ;; esac; \
	  $$python -c 'import ensurepip, venv' 2>/dev/null || { bare=$$python; continue; }; \
	  echo "Making $(VENV) with $$python ($$version)"; \
	  $$python -m venv $(VENV) && exit 0; \
	  rm -rf $(VENV); echo "Error: $$python -m venv $(VENV) failed." >&2; exit 1; \
	done; \
	if [ -n "$$bare" ]; then \
	  echo "Error: $$bare has no venv module. Run: sudo apt install python3-venv" >&2; exit 1; \
	fi; \
	echo "Error: edgekit needs Python 3.10 to 3.13, found:$${found:- none}. Install one, or: make PYTHON=/path/to/python3.11" >&2; exit 1
