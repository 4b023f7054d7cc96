// trained.h: small models, really trained, and a house that scores with them.
#ifndef TESTS_UNIT_AGENTS_MODEL_TRAINED_H
#define TESTS_UNIT_AGENTS_MODEL_TRAINED_H

#include "agents/model/model.h"
#include "agents/record/active.h"
#include "agents/record/decisions.h"
#include "agents/record/events.h"
#include "agents/record/leads.h"
#include "agents/record/scoring.h"
#include "agents/triage/triage.h"
#include "base/ids.h"
#include "ml/file.h"
#include "ml/train.h"
#include "tests/unit/agents/harness.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <random>
#include <string>

namespace harness
{

struct Key {
    Key()
    {
        key_new(secret, open);
    }
    std::string hex() const
    {
        char text[2 * MODEL_KEY_BYTES + 1];
        hex_text(open, MODEL_KEY_BYTES, text);
        return text;
    }
    unsigned char secret[32], open[MODEL_KEY_BYTES];
};

// Leads of a made-up business: seniority, visits and plan speak for converting, by `strength`.
inline std::string training_csv(unsigned seed, double strength, int rows = 600)
{
    std::mt19937 random(seed);
    std::string csv = "visits,plan,job_title,y\n";
    for (int i = 0; i < rows; i++) {
        int visits = static_cast<int>(random() % 30);
        const char *plan = (const char *[]){ "free", "team", "enterprise" }[random() % 3];
        const char *title = (const char *[]){ "Director", "Student", "Engineer", "" }[random() % 4];
        double z = strength * (visits / 8.0 - 2 + (plan[0] == 'e' ? 1.5 : 0) +
                               (title[0] == 'D'   ? 1
                                : title[0] == 'S' ? -1.5
                                                  : 0));
        bool y = random() % 100000 < 100000 / (1 + std::exp(-z));
        csv += std::to_string(visits) + "," + plan + "," + title + "," + (y ? "1" : "0") + "\n";
    }
    return csv;
}

// The bytes of n model files that differ in their names only; key NULL: unsigned.
inline std::vector<std::string> trained_models(size_t n, unsigned seed, double strength, const Key *key)
{
    arena a, errors;
    frame f;
    schema s;
    model_parts parts = {};
    train_options o = {};
    std::vector<std::string> files;
    arena_init(&a, size_t(1) << 30);
    arena_init(&errors, 64 * 1024);
    std::string csv = training_csv(seed, strength);
    o.label = STR("y");
    o.seed = seed;
    o.data = STR("{}");
    auto all = [&]() -> struct status {
        TRY(frame_init(&f, 100000, size_t(1) << 28, &errors));
        TRY(frame_feed(&f, str_make(csv.data(), csv.size())));
        TRY(frame_end(&f));
        TRY(schema_parse(STR("{\"target\":\"y\",\"columns\":{\"visits\":\"numeric\",\"plan\":\"categorical\","
                             "\"job_title\":"
                             "\"categorical\",\"y\":\"numeric\"}}"),
                         &a, &s));
        return train_model(&f, &s, &o, &a, &errors, &parts);
    };
    struct status st = all();
    EXPECT_EQ(st.code, CODE_OK) << (st.code ? st.message : "");
    for (size_t i = 0; st.code == CODE_OK && i < n; i++) {
        buf file;
        std::string name = "made-up leads " + std::to_string(i);
        parts.name = str_make(name.data(), name.size());
        buf_init(&file, MODEL_FILE_MAX);
        EXPECT_EQ(file_write(&parts, key ? key->secret : nullptr, &file).code, CODE_OK);
        files.emplace_back(file.p, file.n);
        buf_done(&file);
    }
    frame_done(&f);
    arena_done(&a);
    arena_done(&errors);
    return files;
}

inline std::string trained_model(unsigned seed, double strength, const Key *key)
{
    return trained_models(1, seed, strength, key).at(0);
}

// A house with everything that leads are scored by.
class ScoringHouse : public House
{
  public:
    explicit ScoringHouse(const Key *trusted = nullptr)
        : House({ &leads_statements, &events_statements, &active_statements, &decisions_statements,
                  &engagement_statements, &scoring_statements, &triage_statements, &model_statements })
    {
        static const active_loader loaders[ACTIVE_SLOTS] = {
            { "model", model_slot_load, model_slot_unload },
            { "routing_policy", policy_load, policy_unload },
            { "engagement_model", engagement_slot_load, engagement_slot_unload },
            { "journeys", nullptr, nullptr },
        };
        arena_init(&parts_, size_t(1) << 20);
        std::string keys = directory + "/keys";
        std::ofstream(keys) << "# trusted\n" << (trusted ? trusted->hex() : "") << "\n";
        struct status s = model_trust_open(&app, keys.c_str(), false, &parts_);
        EXPECT_EQ(s.code, CODE_OK) << (s.code ? s.message : "");
        s = active_open(loaders, &parts_, &app.active);
        EXPECT_EQ(s.code, CODE_OK);
        app.triage = triage_decide;
    }
    ~ScoringHouse()
    {
        active_close(app.active);
        arena_done(&parts_);
    }

    // The whole client stream.
    Answer<ModelVersion> import(const std::string &bytes, const char *model, const char *version = "",
                                bool promote = false, size_t chunk = 100000)
    {
        auto stream = std::make_shared<arena>();
        arena_init(stream.get(), ARENA_BUDGET);
        model_import *state = nullptr;
        auto a = run<ModelVersion>(
            [&](ctx * c, ModelVersion * res) -> struct status {
                arena_reset(stream.get());
                ctx own = *c;
                own.arena = stream.get();
                TRY(import_model_open(&own, &state));
                for (size_t at = 0; at == 0 || at < bytes.size(); at += chunk)
                    TRY(item(c, state, bytes, at, chunk, model, version, promote));
                return import_model_finish(c, state, res);
            },
            &ModelVersion_descriptor);
        arena_done(stream.get());
        return a;
    }

    Answer<TriageLeadResponse> triage(const std::map<std::string, std::string> &attributes,
                                      const char *email = "", bool explain = false)
    {
        arena a;
        arena_init(&a, 1 << 20);
        TriageLeadRequest req = TRIAGE_LEAD_REQUEST_INIT;
        req.lead = lead(&a, attributes, email);
        req.explain = explain;
        auto answer = call(triage_lead, req, &TriageLeadResponse_descriptor);
        arena_done(&a);
        return answer;
    }

    static Lead *lead(arena *a, const std::map<std::string, std::string> &attributes, const char *email = "")
    {
        Lead *l = PB_NEW(a, Lead);
        l->email = arena_dup(a, str_of(email));
        l->attributes = ARENA_ARRAY(a, attributes.size() + 1, Lead__AttributesEntry *);
        for (const auto &[name, value] : attributes) {
            if (name == "job_title" || name == "company" || name == "source" || name == "phone" ||
                name == "country") {
                own(l, name) = arena_dup(a, str_of(value.c_str()));
                continue;
            }
            Lead__AttributesEntry *e = PB_NEW(a, Lead__AttributesEntry);
            e->key = arena_dup(a, str_of(name.c_str()));
            e->value = arena_dup(a, str_of(value.c_str()));
            l->attributes[l->n_attributes++] = e;
        }
        return l;
    }

  private:
    static char *&own(Lead *l, const std::string &name)
    {
        return name == "job_title" ? l->job_title
               : name == "company" ? l->company
               : name == "source"  ? l->source
               : name == "phone"   ? l->phone
                                   : l->country;
    }

    static struct status item(ctx *c, model_import *state, const std::string &bytes, size_t at, size_t chunk,
                              const char *model, const char *version, bool promote)
    {
        ImportModelRequest req = IMPORT_MODEL_REQUEST_INIT;
        if (at == 0) {
            req.model_id = const_cast<char *>(model);
            req.version_id = const_cast<char *>(version);
            req.promote = promote;
        }
        req.content.data = reinterpret_cast<uint8_t *>(const_cast<char *>(bytes.data())) + at;
        req.content.len = std::min(chunk, bytes.size() - at);
        return import_model_item(c, state, &req);
    }

    arena parts_;
};

} // namespace harness

#endif
