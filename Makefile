# make scan     set up, fetch or build samples, scan them (or SPEC=…)
# make test     set up, run the whole suite          make lint      check style and types
# make bench    measure against peers                make reformat  apply the formatter
# make samples  fetch real APKs, build impostors     make schema    write docs/*.schema.json anew
# make fuzz     every reader under a fuzzer, a minute each (SECONDS=…, TARGET=…)
# make faults   inject every fault of the machine, 20 times each (TIMES=…)
# make screenshots  the README's pictures            make man       write dist/app-scanner.1

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SAMPLES ?= samples
SPEC ?= $(SAMPLES)
PYTEST ?=
TEST_JOBS ?= 2
BENCH ?=
SECONDS ?= 60
TIMES ?= 20
TARGET ?=
ROOT := $(shell [ "$$(id -u)" = 0 ] && command -v apt-get)
# What does not answer is asked again, and who installs something else just now is waited for.
APT := DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300
INSTALL := $(APT) update -q && $(APT) install -qy --no-install-recommends
export PIP_RETRIES ?= 10
export npm_config_fetch_retries ?= 5

.PHONY: scan test lint reformat bench fuzz faults samples schema screenshots man tools browser shells peers npm clean
.DELETE_ON_ERROR:

# Exit code 1 means "found", which is what scanning impostors must say.
scan: $(VENV)/.installed $(if $(filter $(SAMPLES),$(SPEC)),samples)
	@$(BIN)/app-scanner scan $(SPEC) || [ $$? -eq 1 ]

test: $(VENV)/.installed tools browser shells samples peers
	$(BIN)/python -m pytest -n $(TEST_JOBS) --dist loadfile $(PYTEST)

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

reformat: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.installed samples
	$(BIN)/python -m pip install -q -e '.[bench]'
	$(BIN)/python -m benchmarks.run --samples $(SAMPLES)/apks $(BENCH)

fuzz: $(VENV)/.installed
	$(BIN)/python -m pip install -q -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz.run --seconds $(SECONDS) $(TARGET)

faults: $(VENV)/.installed tools
	$(BIN)/python -m tests.faults.run --times $(TIMES)

samples: $(VENV)/.installed npm
	@$(BIN)/python -m tests.support.samples $(SAMPLES)

schema: $(VENV)/.installed
	$(BIN)/python -m scanner.formats.schema > docs/row.schema.json
	$(BIN)/python -m scanner.policies.policyschema > docs/policy.schema.json

man: $(VENV)/.installed
	@mkdir -p dist
	$(BIN)/python -m scanner.cli.manual > dist/app-scanner.1

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { [ -n "$(ROOT)" ] && $(INSTALL) python3-venv; } \
	  || { echo 'make: Python needs its venv module: install python3-venv' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test,lint]'
	@touch $@

screenshots: $(VENV)/.installed browser samples
	$(BIN)/python -m tests.support.screenshots

# The tools that tests compare with. As root on Debian they are installed; elsewhere tests without them are skipped.
tools:
	@missing=; for tool in apksigner aapt aapt2 dexdump faketime openssl mksh toybox nginx; do PATH="$$PATH:/usr/sbin" command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	[ -f /usr/share/android-framework-res/framework-res.apk ] || missing="$$missing framework-res"; \
	if [ -z "$$missing" ]; then :; \
	elif [ -n "$(ROOT)" ]; then \
	  $(INSTALL) apksigner aapt android-framework-res dexdump faketime openssl mksh toybox nginx-light; \
	else echo "make: tests will skip what needs:$$missing (Debian: apksigner aapt android-framework-res dexdump faketime openssl mksh toybox nginx-light)" >&2; fi

# Debian has it as a package, Ubuntu as a snap alone: there Playwright brings its own.
browser: $(VENV)/.installed
	@command -v chromium >/dev/null || { [ -n "$(ROOT)" ] && \
	  { { $(INSTALL) chromium; } || $(BIN)/playwright install --with-deps chromium; }; } \
	  || echo "make: tests of pages will be skipped: no chromium (or: $(BIN)/playwright install chromium)" >&2

# What completion is tried in, and what reads the manual page and the scripts of the action.
SHELLS := zsh fish mandoc man shellcheck
shells:
	@missing=; for tool in $(SHELLS); do command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	if [ -z "$$missing" ]; then :; \
	elif [ -n "$(ROOT)" ]; then $(INSTALL) zsh fish mandoc man-db groff shellcheck; \
	else echo "make: tests will skip what needs:$$missing" >&2; fi

# Programs of others that read what we write, each in an environment of its own under .peers: they pin what we need newer.
peers: $(VENV)/.installed npm
	@$(BIN)/python -m tests.support.mvt || echo 'make: tests with MVT will be skipped' >&2
	@$(BIN)/python -m tests.support.emulators || echo 'make: tests with Azurite or Moto will be skipped' >&2

npm:
	@command -v npm >/dev/null || { [ -n "$(ROOT)" ] && $(INSTALL) npm; } \
	  || echo 'make: without npm some real samples cannot be fetched' >&2

clean:
	rm -rf $(VENV) .peers $(SAMPLES) dist build .mypy_cache .pytest_cache .ruff_cache
