# Everything that a person types. `make demo` and `make test` set up what they need.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
NOTEBOOKS := jhu_tinygpt mit_dialoguegpt transformers_from_scratch tugraz_charlm
HOMEWORKS := core cmu_birthplaces $(NOTEBOOKS)
HOMEWORK ?= cmu_birthplaces
ON_ALL_CORES := -q -n auto --dist worksteal

.PHONY: demo test test-slow checkpoints attacks runc simulate fuzz lint types bench timing cuda templates coverage audit strength gallery install clean
.DEFAULT_GOAL := test

install: .venv/.runtime

# grades three submissions of a homework: the solution, the untouched template, one with a bug
demo: .venv/.runtime
	$(BIN)/python -I -m headmaster demo --homework $(HOMEWORK) --out out

test: lint types
	$(BIN)/python -m pytest $(ON_ALL_CORES) -m "not slow"
	./tests/other_pythons

test-slow: .venv/.dev runc
	$(BIN)/python -m pytest $(ON_ALL_CORES) -m slow

# every hostile submission as root, as a plain user and in a container as Docker makes it; needs root. 1 = something got through
attacks: .venv/.runtime runc
	$(BIN)/python -m tests.attack_run

# what starts the container; without root or apt-get, those who need it say what is missing
runc:
	@command -v runc || [ "$$(id -u)" != 0 ] || ! command -v apt-get > /dev/null || { \
	    echo "installing runc with apt-get"; \
	    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends runc; }

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev
	$(BIN)/mypy

# what takes bytes from students, fuzzed for some time each; inputs are kept in out/fuzz
SECONDS ?= 60
fuzz: .venv/.dev
	$(BIN)/python -m tests.fuzz all --seconds $(SECONDS)

# what confinement and grading cost, as ratios, and what other graders cost: the other tables of docs/timing.md
bench: .venv/.dev
	$(BIN)/python -m benchmarks.bench --out out/bench.json --page

# the tables of docs/timing.md are generated: N gradings of identical code, a third beside a load, and a power curve.
# An interrupted run goes on from out/timing.jsonl
N ?= 1000
timing: .venv/.runtime
	mkdir -p out
	$(BIN)/python -m benchmarks.timing_power --n $(N) --log out/timing.jsonl --out out/timing.json --page

# what the checks of CUDA say of attentions of known worth; needs a GPU, and a torch that can use it
cuda: .venv/.dev
	$(BIN)/python -m benchmarks.cuda --out out/cuda.json --page

# student_template/ and the solutions as handed in are generated; tests compare them with what this writes
templates: .venv/.runtime
	for homework in $(HOMEWORKS); do $(BIN)/python -I -m headmaster template $$homework || exit 1; done
	for homework in $(NOTEBOOKS); do $(BIN)/python -I -m headmaster solution $$homework || exit 1; done

# every homework as on Gradescope, in a container: needs root, debootstrap, runc (docs/gradescope.md)
simulate: .venv/.dev
	HEADMASTER_SIMULATE=all $(BIN)/python -m pytest -q -m slow tests/test_simulate.py

# trains a homework's reference models; a killed run goes on when it is started again. OPTIONS: `--preset handout --data DIR`
checkpoints: .venv/.dev
	$(BIN)/python -I -m headmaster checkpoints $(HOMEWORK) $(OPTIONS)

# docs/coverage.md is generated; a test compares it with what this writes
coverage: .venv/.dev
	$(BIN)/python -m tests.coverage > docs/coverage.new && mv docs/coverage.new docs/coverage.md

# every right and wrong submission by every check: exits with 1 if one is refused, or one survives
audit: .venv/.runtime
	$(BIN)/python -I -m headmaster audit

# docs/strength.md is generated: an audit at five seeds, mutants, weaker graders, right submissions at many seeds
MINUTES ?= 20
strength: .venv/.runtime
	mkdir -p out && rm -f out/audit*.json
	$(BIN)/python -I -m headmaster audit --seeds 5 --json out/audit.json --html out/audit.html
	$(BIN)/python -I -m headmaster audit core --mutate --json out/mutants.json
	$(BIN)/python -m audit.weaker > out/weaker.json
	$(BIN)/python -I -m headmaster flakiness --first-seed 6 --minutes $(MINUTES) --json out/flakiness.json
	$(BIN)/python -m audit.strength out > out/strength.md && mv out/strength.md docs/strength.md

# docs/feedback-gallery.md is generated: what students with each misconception read
gallery: .venv/.runtime
	mkdir -p out
	$(BIN)/python -m audit.gallery > out/gallery.md && mv out/gallery.md docs/feedback-gallery.md

.venv/.runtime: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[notebooks]'
	touch $@

.venv/.dev: .venv/.runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .venvs out
