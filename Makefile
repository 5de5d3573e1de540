# Two commands are all a newcomer needs: `make run` and `make test`.
PYTHON_FOUND := $(shell for p in python3.13 python3.12 python3.11 python3; do $$p -c "import sys; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1 && { echo $$p; break; }; done)
PYTHON ?= $(PYTHON_FOUND)
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test quick check lint clean

run: $(VENV)/.installed ## marked alerts for the replay corpus, then live feeds
	$(BIN)/flankwatch run --demo

test: $(VENV)/.installed-dev ## everything this machine can run; a missing tool skips its tests
	$(BIN)/python -m pytest -q

quick: $(VENV)/.installed-dev ## the fast tests only
	$(BIN)/python -m pytest -q -m 'not slow and not kafka and not prometheus'

check: $(VENV)/.installed ## every seed file and every test inside them
	$(BIN)/flankwatch check

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check streams connectors tests benchmarks deploy
	$(BIN)/ruff format --check streams connectors tests benchmarks deploy
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[fulltext]'
	touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev,fulltext]'
	touch $(VENV)/.installed $@

clean:
	rm -rf $(VENV) build *.egg-info
