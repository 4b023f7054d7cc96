"""Cuts the sample out of UCI bank-additional-full.csv (rows in time order): python3 make.py bank-additional-full.csv"""
import csv
import json
import os
import sys

FIRST, TRAIN, LEADS = 33000, 7600, 400
HERE = os.path.dirname(os.path.abspath(__file__))
NUMERIC = ["age", "campaign", "pdays", "previous", "emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m",
           "nr.employed"]


def write(name, header, rows):
    with open(os.path.join(HERE, name), "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([header] + rows)


with open(sys.argv[1], newline="") as f:
    header, *rows = csv.reader(f, delimiter=";")
keep = [i for i, c in enumerate(header) if c not in ("duration", "y")]  # duration is known only after the call
features, y = [header[i] for i in keep], header.index("y")
part = rows[FIRST:FIRST + TRAIN + LEADS]
cells = [[r[i] for i in keep] for r in part]
outcome = ["1" if r[y] == "yes" else "0" for r in part]
write("train.csv", ["row_id"] + features + ["y"],
      [[FIRST + i] + cells[i] + [outcome[i]] for i in range(TRAIN)])
late = range(TRAIN, TRAIN + LEADS)
write("leads.csv", ["external_id", "email"] + features,
      [[f"bank-{FIRST + i}", f"contact{FIRST + i}@example.com"] + cells[i] for i in late])
write("outcomes.csv", ["external_id", "y"], [[f"bank-{FIRST + i}", outcome[i]] for i in late])
with open(os.path.join(HERE, "schema.json"), "w") as f:
    json.dump({"id": "row_id", "target": "y",
               "columns": {c: "numeric" if c in NUMERIC else "categorical" for c in features}}, f, indent=1)
    f.write("\n")
