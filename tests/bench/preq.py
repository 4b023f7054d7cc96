"""Learning on: trains before each block of a file in time order on all earlier rows, scores the block, joins the scores.

  python3 tests/bench/preq.py MARKETINGCTL CSV SCHEMA OUT CUTS [train options...]

CSV holds every row with its label, in time order, its id column first. CUTS: row numbers, comma-separated; block k is the rows from the
k-th cut to the next. OUT gets row_id,score,in0,in1. Only the command line is used, and only the standard library."""
import csv
import json
import os
import subprocess
import sys
import tempfile


def write(path, header, rows):
    with open(path, "w", newline="") as f:
        csv.writer(f, lineterminator="\n").writerows([header] + rows)


def main(tool, data, schema, out, cuts, *options):
    with open(schema) as f:
        label = json.load(f)["target"]
    with open(data, newline="") as f:
        header, *rows = csv.reader(f)
    y, cuts, scored = header.index(label), [int(c) for c in cuts.split(",")], []
    with tempfile.TemporaryDirectory() as work:
        path = lambda name: os.path.join(work, name)
        for begin, end in zip(cuts, cuts[1:]):
            write(path("train.csv"), header, rows[:begin])
            write(path("test.csv"), header[:y] + header[y + 1:], [r[:y] + r[y + 1:] for r in rows[begin:end]])
            subprocess.run([tool, "model", "train", "--data", path("train.csv"), "--schema", schema, "--label", label,
                            "--out", path("model"), *options], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            subprocess.run([tool, "model", "predict", "--model", path("model"), "--data", path("test.csv"),
                            "--id", header[0], "--out", path("pred.csv"), "--conformal", "0.9"], check=True)
            with open(path("pred.csv")) as f:
                head, *lines = f.read().splitlines()
            scored += lines
            print(f"rows {begin} to {end} scored", file=sys.stderr)
    with open(out, "w") as f:
        f.write("\n".join([head] + scored) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
