/* import.h: between the files of ImportLeads.
 *
 * A chunk is read up to the end of its last whole row. The rows, what they did to leads, the rejects and the
 * import's own state are one unit, and committed_bytes counts up to that row's end. What is left of the chunk
 * waits in the stream's state for the next one, so a broken stream loses nothing that was told committed: its
 * successor sends from committed_bytes on. All that a successor must know (the header, the separator, the
 * line number) is kept with the import. */
#ifndef AGENTS_LEAD_IMPORT_H
#define AGENTS_LEAD_IMPORT_H

#include "agents/record/leads.h"
#include "base/csv.h"

/* An import as stored. */
struct import_record {
    const char *id;
    int64_t version;    /* 0: not stored yet */
    LeadImport *import; /* what callers see */
    LeadImportSpec *spec;
    struct str header; /* the header record in our own writing; empty until it was read */
    uint64_t line;     /* on which the byte at committed_bytes stands */
    bool after_cr;     /* the byte before committed_bytes is a CR: a LF there belongs to it */
};

/* Leaves ret->version 0 and ret->import NULL where there is none. */
MUSTCHECK struct status import_load(struct ctx *c, const char *id, struct import_record *ret);
/* The record of import_save's bytes. */
MUSTCHECK struct status import_restore(struct ctx *c, const char *id, int64_t version, struct str bytes,
                                       struct import_record *ret);
/* Adds the record to the unit against its version, with the ctx's time as its update_time. Tells the bytes as
 * they are stored. */
MUSTCHECK struct status import_save(struct ctx *c, struct import_record *r, struct str *ret);

/* What the columns of a file mean. */
struct import_columns {
    const char **names; /* of the columns, trimmed */
    size_t *texts;      /* of each column its enum lead_text_id, or LEAD_TEXTS for an attribute */
    size_t n;
    size_t *attributes; /* the columns that are attributes, sorted by name */
    size_t n_attributes;
};

/* Fails: CSV_INVALID, FIELD_INVALID. */
MUSTCHECK struct status import_columns_make(struct ctx *c, const struct csv_row *header,
                                            const LeadImportSpec *spec, struct import_columns *ret);
/* The lead that a row says, checked. Fails with what is wrong with the row, or with REQUEST_TOO_LARGE. */
MUSTCHECK struct status import_row_lead(struct ctx *c, const struct import_columns *k,
                                        const struct csv_row *row, Lead **ret);

/* One row of the file. */
struct import_row {
    Lead *lead;           /* NULL where the row was refused */
    const char *id;       /* of the lead, where it has no identity; by import_apply */
    struct status status; /* why */
    uint64_t line;
    struct str text; /* the row as it came */
};

struct import_rows {
    struct import_row *rows;
    size_t n;
    bool more; /* the input holds more rows than one unit takes */
};

/* Reads rows out of the input, which begins at committed_bytes, and moves the record's place behind the last
 * one. At the end of the file all of them, and a last one without a line end. Fails: CSV_INVALID of
 * `content`. */
MUSTCHECK struct status import_read(struct ctx *c, struct import_record *r, struct str input, bool at_end,
                                    struct import_rows *ret);

struct lead_set;
/* Brings the rows into the store: leads and rejects go to the unit, counts to r->import. Leads of `earlier`
 * (may be NULL) are not in the store yet: rows that mean one of them set ctx->too_early. */
MUSTCHECK struct status import_apply(struct ctx *c, struct import_record *r, const struct import_rows *rows,
                                     const struct lead_set *earlier, struct lead_set **ret);

#endif
