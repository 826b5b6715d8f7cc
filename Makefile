# Two commands: `make demo` installs and runs the main job, `make test` installs and tests.
# An active virtual environment is used as it is; otherwise one is made in .venv.
# A torch that is already there is left alone: install the build you want first.

ifdef VIRTUAL_ENV
VENV := $(VIRTUAL_ENV)
else
VENV := $(CURDIR)/.venv
endif
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.mma-eval-$(shell cksum < pyproject.toml | cut -d' ' -f1)

.PHONY: demo test tune-demo install

demo: install
	$(BIN)/mma-eval --model tiny-omni --dataset demo --tasks aligned,misalign

test: install
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

# The failure, why, the cure, and what it changed, in one report. Stopped, it continues.
TUNED := $(BIN)/mma-eval --model tiny-omni --dataset demo --output-path results/tune-demo \
	--tasks aligned,misalign,frames_zeroed,audio_removed,misleading_caption,abstention
DIAGNOSED := $(BIN)/mma-eval diagnose --model tiny-omni --dataset demo --limit 40 --block

tune-demo: install
	$(TUNED)
	$(DIAGNOSED) -o results/tune-demo/attention-before
	$(BIN)/mma-eval train --recipe tiny_demo -o adapters/tiny_demo
	$(TUNED) --adapter adapters/tiny_demo
	$(DIAGNOSED) -o results/tune-demo/attention --adapter adapters/tiny_demo \
		--before results/tune-demo/attention-before
	$(BIN)/mma-eval report results/tune-demo/tiny-omni --attention results/tune-demo/attention \
		-o tune-demo.html

install: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable "$(CURDIR)[dev]"
	touch $(STAMP)
