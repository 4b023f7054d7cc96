"""Writes names.h: short C names for what protoc-c generates from marketing.v1.

Marketing__V1__Lead              -> type Lead, Lead_descriptor (for PB_NEW), LEAD_INIT
...LEAD_CATEGORY__LEAD_CATEGORY_X -> LEAD_CATEGORY_X
...LEAD_IMPORT__STATE__STATE_X    -> LEAD_IMPORT__STATE_X (an enum inside a message)
...JOURNEY_STEP__ACTION_WAIT      -> JOURNEY_STEP__ACTION_WAIT (which member of a oneof is set)
"""

import re
import sys

PREFIX = "Marketing__V1__"


def snake(camel):
    return "__".join(re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", part).lower() for part in camel.split("__"))


def messages(text):
    for full in re.findall(r"^typedef struct (Marketing__V1__\w+) \1;", text, re.M):
        name = full[len(PREFIX):]
        yield f"typedef {full} {name};"
        yield f"#define {name}_descriptor {snake(full)}__descriptor"
        yield f"#define {snake(name).upper()}_INIT {snake(full).upper()}__INIT"


def enums(text):
    for full, body in re.findall(r"^typedef enum _(Marketing__V1__\w+) \{(.*?)^\s+PROTOBUF_C__FORCE", text, re.M | re.S):
        name = full[len(PREFIX):]
        outer = name.rpartition("__")[0]
        if "__ONEOF" not in body:
            yield f"typedef {full} {name};"
            yield f"#define {name}_descriptor {snake(full)}__descriptor"
        for constant in re.findall(r"^\s+(MARKETING__V1__\w+) =", body, re.M):
            value = constant.rpartition("__")[2]
            yield f"#define {snake(outer).upper() + '__' if outer else ''}{value} {constant}"


def cases(text):
    for body, full in re.findall(r"^typedef enum \{(.*?)\} (Marketing__V1__\w+Case);", text, re.M | re.S):
        yield f"typedef {full} {full[len(PREFIX):]};"
        for constant in re.findall(r"^\s+(MARKETING__V1__\w+) =", body, re.M):
            yield f"#define {constant[len(PREFIX):]} {constant}"


def main(paths):
    print("/* Made by proto/names.py. */\n#ifndef PROTO_NAMES_H\n#define PROTO_NAMES_H")
    for path in paths:
        print(f'#include "{re.search(r"marketing/v1/.*", path).group(0)}"')
    print('#include "google/protobuf/duration.pb-c.h"\n#include "google/protobuf/empty.pb-c.h"')
    for path in paths:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        print("\n".join([*messages(text), *enums(text), *cases(text)]))
    for name in ("Duration", "Timestamp", "Empty", "FieldMask"):
        print(f"typedef Google__Protobuf__{name} {name};")
        print(f"#define {name}_descriptor google__protobuf__{snake(name)}__descriptor")
    print("#endif")


main(sys.argv[1:])
