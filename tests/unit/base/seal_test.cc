#include "base/seal.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>

namespace
{

using Key = unsigned char[SEAL_KEY_BYTES];

std::string sealed_under(const Key &key, const char *what, const std::string &plain)
{
    std::string sealed(plain.size() + SEAL_OVERHEAD, 0);
    seal(key, what, str_make(plain.data(), plain.size()), reinterpret_cast<unsigned char *>(sealed.data()));
    return sealed;
}

// "(refused)" where it does not open.
std::string opened(const Key &key, const char *what, const std::string &sealed)
{
    std::string plain(sealed.size(), 0);
    if (!seal_open(key, what, str_make(sealed.data(), sealed.size()),
                   reinterpret_cast<unsigned char *>(plain.data())))
        return "(refused)";
    plain.resize(sealed.size() - SEAL_OVERHEAD);
    return plain;
}

const Key key = { 1, 2, 3 }, other = { 1, 2, 4 };

TEST(Seal, OpensForItsKeyAndUseAlone)
{
    std::string sealed = sealed_under(key, "use 1", "a text");
    EXPECT_EQ(opened(key, "use 1", sealed), "a text");
    EXPECT_EQ(opened(other, "use 1", sealed), "(refused)");
    EXPECT_EQ(opened(key, "use 2", sealed), "(refused)");
    EXPECT_EQ(opened(key, "use 1", sealed.substr(0, SEAL_OVERHEAD - 1)), "(refused)");
    EXPECT_EQ(opened(key, "use 1", sealed.substr(0, sealed.size() - 1)), "(refused)");
    for (char &byte : sealed) {
        byte ^= 1;
        EXPECT_EQ(opened(key, "use 1", sealed), "(refused)");
        byte ^= 1;
    }
    EXPECT_EQ(opened(key, "use 1", sealed), "a text") << "a refusal leaves nothing behind";
}

TEST(Seal, TextsOfEverySizeAndTheSameTextTwice)
{
    for (size_t n : { 0, 1, 15, 16, 17, 4096, 100000 }) {
        std::string plain(n, 'x');
        EXPECT_EQ(opened(key, "", sealed_under(key, "", plain)), plain) << n;
    }
    EXPECT_NE(sealed_under(key, "", "x"), sealed_under(key, "", "x"));
}

// Each thread has a context of its own, which ends with it.
TEST(Seal, ThreadsOpenWhatOthersSealed)
{
    std::string sealed, plain;
    std::thread([&] { sealed = sealed_under(key, "use", "from a thread"); }).join();
    std::thread([&] { plain = opened(key, "use", sealed); }).join();
    EXPECT_EQ(plain, "from a thread");
}

// Made by Python's cryptography: what is stored once must open for ever.
TEST(Seal, WhatAnOlderBuildSealedOpens)
{
    const unsigned char older[] = { 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
                                    0x0b, 0xea, 0xa3, 0xb5, 0xf5, 0x9c, 0x1d, 0xfd, 0xa7, 0x37, 0x47,
                                    0x90, 0x55, 0xcb, 0xf9, 0x16, 0x56, 0xad, 0xe9, 0x03, 0x3b, 0x66 };
    EXPECT_EQ(opened(key, "use", std::string(older, older + sizeof older)), "older");
}

} // namespace
