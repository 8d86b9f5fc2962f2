"""Mutation testing of the mathematics: change one operator, and some test must fail.

    pip install cosmic-ray && python tests/stress/mutate.py          all modules, about an hour and a half on one core
    python tests/stress/mutate.py losses priors --work DIR                  some of them; DIR keeps what is done already

Cosmic-ray makes the mutants in a copy of the repository: + becomes −, * becomes /, < becomes <= and >=, and so on. The
tests of one module run on NumPy until one fails. Survivors are printed; those in `equivalent_mutants.txt`, which change
nothing that anybody could see, are set aside, each with its reason. Exit status 1 if fewer than 95 % are killed.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent
EQUIVALENT = Path(__file__).parent / "equivalent_mutants.txt"
TESTS = {  # module -> the test files that are about it, the quickest to find a mistake first
    "losses": "losses gradcheck phases",
    "layers": "layers fused networks gradcheck phases",
    "optimizers": "optimizers training",
    "phases": "phases gradcheck training model many_machines",
    "priors": "priors losses phases",
    "classification": "evaluation",
    "clustering": "evaluation",
    "diagnostics": "evaluation training",
    "extras": "phases gradcheck training",
    "parzen": "parzen evaluation",
}
LOCATIONS = {name: f"metrics/{name}" for name in ("classification", "clustering", "diagnostics")}
LOCATIONS["parzen"] = "metrics/likelihood"  # where a module lies, if not at the top
OPERATORS = {
    "Binary": "Add_Sub Sub_Add Mul_Div Div_Mul FloorDiv_Mul Mod_FloorDiv Pow_Mul",
    "Unary": "USub_UAdd",
    "Comparison": "Lt_LtE Lt_GtE LtE_Lt LtE_Gt Gt_GtE Gt_LtE GtE_Gt GtE_Lt Eq_NotEq NotEq_Eq Is_IsNot IsNot_Is",
}
SETTINGS = """\
[cosmic-ray]
module-path = "tinyaae/{file}.py"
timeout = 120.0
excluded-modules = []
test-command = {command}
[cosmic-ray.distributor]
name = "local"
[cosmic-ray.filters.operators-filter]
exclude-operators = ["(?!core/({kept})$).*"]
"""


def main():
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", choices=[*TESTS, []], help="all unless given")
    parser.add_argument("--work", type=Path, help="where to keep copies and results; without it they are deleted")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or Path(temporary)
        known = equivalents()
        killed, counted = 0, 0
        for module in args.modules or TESTS:
            died, survivors = mutate(module, work / module)
            aside = [line for line in survivors if f"{module}: {line}" in known]
            left = [line for line in survivors if f"{module}: {line}" not in known]
            killed, counted = killed + died, counted + died + len(left)
            print(f"{module}: {died} killed, {len(left)} survive, {len(aside)} equivalent", flush=True)
            print("".join(f"  {line}\n" for line in left), end="", flush=True)
    print(f"{killed} of {counted} killed, {killed / max(1, counted):.1%}")
    return 0 if killed >= 0.95 * counted else 1


def equivalents():
    """Return the known equivalent mutants, "module: mutated line"; in the file a reason follows two tabs."""
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    return {line.split("\t\t")[0] for line in lines if line and not line.startswith("#")}


def mutate(module, copy):
    """Run the mutants of one module in the folder `copy`; return how many died, and the lines of the survivors."""
    session, settings = copy / "session.sqlite", copy / "cosmic-ray.toml"
    file = LOCATIONS.get(module, module)
    source, original = copy / "tinyaae" / f"{file}.py", copy / f"{module}.original"
    if not session.exists():
        tracked = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
        for name in tracked.stdout.splitlines():
            if not name.startswith("results"):
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(REPOSITORY / name, copy / name)
        shutil.copy(source, original)
        tests = [str(next(copy.glob(f"tests/*/test_{name}.py"))) for name in TESTS[module].split()]
        numpy_only = "not strict and not cupy"
        in_order = ["-p", "no:cacheprovider", "-p", "no:randomly"]
        command = [sys.executable, "-m", "pytest", "-x", "-q", *in_order, "-k", numpy_only, *tests]
        kept = "|".join(f"Replace{kind}Operator_({names.replace(' ', '|')})" for kind, names in OPERATORS.items())
        settings.write_text(SETTINGS.format(file=file, command=json.dumps(shlex.join(command)), kept=kept))
        cosmic_ray(copy, "cosmic-ray", "init", settings.name, session.name)
        cosmic_ray(copy, "cr-filter-operators", session.name, settings.name)
    shutil.copy(original, source)  # a session that was stopped may have left a mutant
    cosmic_ray(copy, "cosmic-ray", "exec", settings.name, session.name)
    died, survivors = 0, []
    for line in cosmic_ray(copy, "cosmic-ray", "dump", session.name).splitlines():
        _, result = json.loads(line)
        if result and result["worker_outcome"] != "skipped":
            if result["test_outcome"] == "survived":
                survivors += [row[1:].strip() for row in result["diff"].splitlines() if row[:1] == "+" != row[1:2]]
            else:
                died += 1
    return died, survivors


def cosmic_ray(copy, tool, *arguments):
    """Run one of cosmic-ray's commands in the folder `copy`; return what it prints."""
    command = [str(Path(sys.executable).parent / tool), *arguments]
    return subprocess.run(command, cwd=copy, stdout=subprocess.PIPE, text=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
