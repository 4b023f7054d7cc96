// The send gate by example: what decides, and when the message may go. tests/sendgate compares it with an
// oracle.
#include "agents/engage/gate/gate.h"
#include "agents/engage/gate/zones.h"

#include <gtest/gtest.h>
#include <vector>

namespace
{

constexpr int64_t HOUR = 3600 * US_PER_SECOND;
constexpr int EMAIL = 1, SMS = 2;

int64_t at(const char *text)
{
    int64_t us = 0;
    EXPECT_TRUE(clock_parse(str_of(text), &us)) << text;
    return us;
}

std::string shown(int64_t us)
{
    char text[CLOCK_TEXT] = "never";
    if (us != GATE_NEVER)
        clock_format(us, text);
    return text;
}

class Gate : public testing::Test
{
  protected:
    void SetUp() override
    {
        arena_init(&arena_, 4 << 20);
        ASSERT_EQ(zones_open(ZONES_FOLDER, &arena_, &zones_).code, CODE_OK);
        memset(&policy_, 0, sizeof policy_);
        memset(&f_, 0, sizeof f_);
        policy_.max_media = 5;
        policy_.media_window_us = 30 * US_PER_DAY;
        policy_.caps = caps_;
        policy_.n_caps = 3;
        policy_.quiet = &night_;
        policy_.n_quiet = 1;
        f_.policy = &policy_;
        f_.rules = &marketing_;
        f_.purpose = "marketing";
        f_.medium = EMAIL;
        f_.priority = 2;
        f_.expire_us = GATE_NEVER;
        f_.has_address = true;
        f_.hold_out_point = UINT64_MAX;
        f_.consents = &granted_;
        f_.n_consents = 1;
        now("Europe/Vienna", "2026-11-24T12:00:00Z");
    }
    void TearDown() override
    {
        zones_close(zones_);
        arena_done(&arena_);
    }
    void now(const char *zone, const char *time)
    {
        zone_ = zones_find(zones_, str_of(zone));
        ASSERT_TRUE(zone_) << zone;
        f_.zones = &zone_;
        f_.n_zones = 1;
        f_.now_us = at(time);
    }
    void sent(std::vector<struct gate_send> all)
    {
        sends_ = std::move(all);
        f_.sends = sends_.data();
        f_.n_sends = sends_.size();
    }
    void expect(enum gate_answer answer, enum gate_name by, const std::string &next)
    {
        struct gate_decision d;
        gate_decide(&f_, &d);
        EXPECT_EQ(d.answer, answer);
        EXPECT_EQ(d.decided_by, by);
        EXPECT_EQ(shown(d.next_us), next);
    }
    struct arena arena_;
    struct zones *zones_;
    const struct zone *zone_;
    struct gate_cap caps_[3] = { { 0, US_PER_DAY, 1 }, { 0, 7 * US_PER_DAY, 3 }, { 0, 30 * US_PER_DAY, 10 } };
    struct gate_quiet night_ = { 21 * 3600, 8 * 3600, 127 };
    struct gate_purpose marketing_ = { true, true, true, true, true };
    struct gate_purpose transactional_ = { false, false, false, false, false };
    struct gate_consent granted_ = { "marketing", "entry-1", EMAIL, GATE_GRANTED, 0, 0 };
    struct gate_policy policy_;
    struct gate_facts f_;
    std::vector<struct gate_send> sends_;
};

TEST_F(Gate, WithNothingAgainstItTheMessageGoesNow)
{
    expect(GATE_PASS, GATE_NAMES, "2026-11-24T12:00:00.000000Z");
    struct gate_decision d;
    gate_decide(&f_, &d);
    ASSERT_TRUE(d.consent);
    EXPECT_STREQ(d.consent->entry, "entry-1");
}

TEST_F(Gate, ACapThatEndsAtNightEndsInTheMorning)
{
    sent({ { at("2026-11-24T02:30:00Z"), EMAIL } }); // free again at 02:30 UTC tomorrow, 03:30 in Vienna
    expect(GATE_DEFER, GATE_CAP, "2026-11-25T07:00:00.000000Z");
}

TEST_F(Gate, TheSeventhDayCountsToTheMicrosecond)
{
    int64_t first = at("2026-11-18T10:00:00Z");
    sent({ { first, EMAIL }, { first + 26 * HOUR, EMAIL }, { first + 52 * HOUR, SMS } });
    expect(GATE_DEFER, GATE_CAP, "2026-11-25T10:00:00.000000Z");
    f_.now_us = first + 7 * US_PER_DAY - 1;
    expect(GATE_DEFER, GATE_CAP, "2026-11-25T10:00:00.000000Z");
    f_.now_us++;
    expect(GATE_PASS, GATE_NAMES, "2026-11-25T10:00:00.000000Z");
}

TEST_F(Gate, ANightLosesAnHourInSpringAndGainsOneInAutumn)
{
    now("Europe/Vienna", "2026-03-28T20:00:00Z"); // 21:00, eleven hours of the clock
    expect(GATE_DEFER, GATE_QUIET_HOURS, "2026-03-29T06:00:00.000000Z");
    now("Europe/Vienna", "2026-10-24T19:00:00Z");
    expect(GATE_DEFER, GATE_QUIET_HOURS, "2026-10-25T07:00:00.000000Z");
}

TEST_F(Gate, AnEndThatTheClockSkipsIsTheChangeItself)
{
    night_ = { 0, 2 * 3600 + 1800, 127 }; // to 02:30, which there is not on that day
    now("Europe/Vienna", "2026-03-29T00:30:00Z");
    expect(GATE_DEFER, GATE_QUIET_HOURS, "2026-03-29T01:00:00.000000Z");
}

TEST_F(Gate, AnHourThatComesTwiceIsQuietTwice)
{
    night_ = { 2 * 3600, 3 * 3600, 127 };
    now("Europe/Vienna", "2026-10-25T00:10:00Z"); // 02:10 for the first time
    expect(GATE_DEFER, GATE_QUIET_HOURS, "2026-10-25T02:00:00.000000Z");
}

TEST_F(Gate, ACountryIsQuietWhereAnyOfItsZonesIs)
{
    struct zones_of_lead of;
    zones_of_lead(zones_, "", "US", "", &of);
    EXPECT_GT(of.n, 20u);
    f_.zones = of.all;
    f_.n_zones = of.n;
    f_.now_us = at("2026-11-24T14:00:00Z"); // 09:00 in New York, 04:00 in Honolulu
    expect(GATE_DEFER, GATE_QUIET_HOURS, "2026-11-24T18:00:00.000000Z");
}

TEST_F(Gate, TheMoreImportantMessageGetsTheSlot)
{
    struct gate_pending important = { f_.now_us + 3 * HOUR, SMS, 3 };
    f_.pending = &important;
    f_.n_pending = 1;
    expect(GATE_DEFER, GATE_PRIORITY, "2026-11-25T15:00:00.000000Z"); // a day after the other goes
    important.priority = 2;
    expect(GATE_PASS, GATE_NAMES, "2026-11-24T12:00:00.000000Z");
}

TEST_F(Gate, ASixthMediumWaits)
{
    policy_.n_caps = 0;
    policy_.max_media = 2;
    sent({ { f_.now_us - 20 * US_PER_DAY, SMS },
           { f_.now_us - 10 * US_PER_DAY, 3 },
           { f_.now_us - US_PER_DAY, SMS } });
    expect(GATE_DEFER, GATE_MAX_MEDIA, "2026-12-14T12:00:00.000000Z");
    f_.medium = SMS;
    granted_.medium = 0;
    expect(GATE_PASS, GATE_NAMES, "2026-11-24T12:00:00.000000Z");
}

TEST_F(Gate, WithoutConsentNothingOfThePurposeGoes)
{
    f_.n_consents = 0;
    expect(GATE_REFUSE, GATE_CONSENT, "never");
    f_.rules = &transactional_;
    expect(GATE_PASS, GATE_NAMES, "2026-11-24T12:00:00.000000Z");
}

TEST_F(Gate, APausedConsentEndsWhenThePauseDoes)
{
    granted_.state = GATE_CONSENT_PAUSED;
    granted_.until_us = at("2026-12-01T00:00:00Z");
    expect(GATE_DEFER, GATE_CONSENT, "2026-12-01T07:00:00.000000Z");
    f_.expire_us = granted_.until_us;
    expect(GATE_DEFER, GATE_CONSENT, "never");
}

TEST_F(Gate, AnUnsubscribeBindsUntilALaterConsentAndAComplaintForGood)
{
    struct gate_suppression s = { GATE_UNSUBSCRIBE, "", 0, 10 };
    f_.suppressions = &s;
    f_.n_suppressions = 1;
    expect(GATE_REFUSE, GATE_SUPPRESSION, "never");
    granted_.time_us = 11;
    expect(GATE_PASS, GATE_NAMES, "2026-11-24T12:00:00.000000Z");
    s.cause = GATE_COMPLAINT;
    expect(GATE_REFUSE, GATE_SUPPRESSION, "never");
    s.medium = SMS;
    expect(GATE_PASS, GATE_NAMES, "2026-11-24T12:00:00.000000Z");
}

TEST_F(Gate, APausedWorkspaceAndAnOwnerHoldWithoutATime)
{
    policy_.paused = true;
    expect(GATE_DEFER, GATE_PAUSE, "never");
    policy_.paused = false;
    f_.owned = true;
    expect(GATE_DEFER, GATE_OWNER, "never");
}

TEST_F(Gate, QuietHoursAllWeekNeverEnd)
{
    night_ = { 0, 86400, 127 };
    EXPECT_FALSE(gate_quiet_leaves_time(&policy_));
    expect(GATE_DEFER, GATE_QUIET_HOURS, "never");
    night_.days = 126;
    EXPECT_TRUE(gate_quiet_leaves_time(&policy_));
    expect(GATE_DEFER, GATE_QUIET_HOURS, "2026-11-28T23:00:00.000000Z"); // Sunday in Vienna
}

TEST_F(Gate, ZonesAreFoundByTheirNamesOnly)
{
    for (const char *name :
         { "", "/etc/localtime", "../../../etc/passwd", "Europe/../UTC", "Europe/Atlantis", "Europe",
           "zone.tab", "leapseconds", "right/Europe/Vienna", "europe/vienna", "Europe//Vienna" })
        EXPECT_FALSE(zones_find(zones_, str_of(name))) << name;
    EXPECT_FALSE(zones_find(zones_, str_make("UTC\0x", 5)));
    EXPECT_EQ(zones_find(zones_, str_of("Asia/Kathmandu")), zones_find(zones_, str_of("Asia/Kathmandu")));
}

TEST_F(Gate, ALeadWithoutAZoneIsWhereItsCountryIsElseWhereTheWorkspaceIs)
{
    struct zones_of_lead of;
    const struct zone *vienna = zones_find(zones_, STR("Europe/Vienna"));
    zones_of_lead(zones_, "Mars/Crater", "AT", "Asia/Tokyo", &of);
    ASSERT_EQ(of.n, 1u);
    EXPECT_EQ(of.all[0], vienna);
    zones_of_lead(zones_, "", "", "Asia/Tokyo", &of);
    EXPECT_EQ(of.all[0], zones_find(zones_, STR("Asia/Tokyo")));
    zones_of_lead(zones_, "", "XX", "nowhere", &of);
    EXPECT_EQ(of.all[0], zone_utc);
}

TEST(Zones, AFolderWithoutZonesIsRefused)
{
    struct arena a;
    struct zones *z;
    arena_init(&a, 1 << 20);
    EXPECT_EQ(zones_open("/nonexistent", &a, &z).reason, REASON_INTERNAL);
    arena_done(&a);
}

} // namespace
