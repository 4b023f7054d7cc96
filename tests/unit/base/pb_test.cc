// Messages of every kind of field, filled at random, packed by pb_pack and by the library: the same bytes.
#include "base/pb.h"
#include "tests/unit/server/testdata/test.pb-c.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace
{

class PbPack : public testing::Test
{
  protected:
    PbPack()
    {
        arena_init(&arena_, 64u << 20);
    }
    ~PbPack() override
    {
        arena_done(&arena_);
    }

    unsigned Below(unsigned n)
    {
        return static_cast<unsigned>(random_() % n);
    }

    // Often zero, often small, sometimes with every bit.
    uint64_t Number()
    {
        unsigned kind = Below(4);
        return kind == 0 ? 0 : kind == 1 ? Below(300) : random_() >> Below(64);
    }

    char *Text()
    {
        std::string s(Below(4) ? Below(60) : Below(300), 'x');
        return pb_str(&arena_, str_make(s.data(), s.size()));
    }

    void FillValue(const ProtobufCFieldDescriptor &f, void *p, int depth)
    {
        switch (f.type) {
        case PROTOBUF_C_TYPE_STRING:
            *static_cast<char **>(p) = Text();
            break;
        case PROTOBUF_C_TYPE_BYTES: {
            auto *bytes = static_cast<ProtobufCBinaryData *>(p);
            bytes->data = reinterpret_cast<uint8_t *>(Text());
            bytes->len = strlen(reinterpret_cast<char *>(bytes->data));
            break;
        }
        case PROTOBUF_C_TYPE_MESSAGE:
            *static_cast<ProtobufCMessage **>(p) =
                Random(static_cast<const ProtobufCMessageDescriptor *>(f.descriptor), depth + 1);
            break;
        case PROTOBUF_C_TYPE_DOUBLE:
            *static_cast<double *>(p) = Below(3) ? static_cast<double>(Number()) / 7 : -0.0;
            break;
        case PROTOBUF_C_TYPE_BOOL:
            *static_cast<protobuf_c_boolean *>(p) = static_cast<protobuf_c_boolean>(Below(2));
            break;
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_UINT64:
            *static_cast<uint64_t *>(p) = Number();
            break;
        default: // 32 bits, of any kind
            *static_cast<uint32_t *>(p) = static_cast<uint32_t>(Number());
        }
    }

    static size_t SizeOf(const ProtobufCFieldDescriptor &f)
    {
        switch (f.type) {
        case PROTOBUF_C_TYPE_STRING:
        case PROTOBUF_C_TYPE_MESSAGE:
        case PROTOBUF_C_TYPE_INT64:
        case PROTOBUF_C_TYPE_UINT64:
        case PROTOBUF_C_TYPE_SINT64:
        case PROTOBUF_C_TYPE_DOUBLE:
            return 8;
        case PROTOBUF_C_TYPE_BYTES:
            return sizeof(ProtobufCBinaryData);
        default:
            return 4;
        }
    }

    void FillField(const ProtobufCFieldDescriptor &f, ProtobufCMessage *m, int depth)
    {
        char *at = reinterpret_cast<char *>(m), *p = at + f.offset;
        if (f.label == PROTOBUF_C_LABEL_REPEATED) {
            size_t n = depth < 3 ? Below(6) : 0;
            auto *values = static_cast<char *>(arena_alloc(&arena_, (n + 1) * SizeOf(f)));
            for (size_t i = 0; i < n; i++)
                FillValue(f, values + i * SizeOf(f), depth);
            *reinterpret_cast<char **>(p) = values;
            *reinterpret_cast<size_t *>(at + f.quantifier_offset) = n;
            return;
        }
        if (Below(3) == 0 || (f.type == PROTOBUF_C_TYPE_MESSAGE && depth >= 3))
            return;
        if (f.flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
            *reinterpret_cast<uint32_t *>(at + f.quantifier_offset) = f.id;
        FillValue(f, p, depth);
    }

    ProtobufCMessage *Random(const ProtobufCMessageDescriptor *d, int depth)
    {
        auto *m = static_cast<ProtobufCMessage *>(pb_new(&arena_, d));
        for (unsigned i = 0; i < d->n_fields; i++)
            FillField(d->fields[i], m, depth);
        return m;
    }

    static std::string Library(const ProtobufCMessage *m)
    {
        std::string bytes(protobuf_c_message_get_packed_size(m), 0);
        protobuf_c_message_pack(m, reinterpret_cast<uint8_t *>(&bytes[0]));
        return bytes;
    }

    std::string Ours(const ProtobufCMessage *m)
    {
        str bytes = pb_pack(&arena_, m);
        return std::string(bytes.p, bytes.n);
    }

    arena arena_;
    std::mt19937_64 random_{ 1 };
};

TEST_F(PbPack, AnyMessageHasTheLibrarysBytes)
{
    int fitted = 0;
    for (int i = 0; i < 5000; i++) {
        ProtobufCMessage *m = Random(&test__v1__everything__descriptor, 0);
        std::string want = Library(m);
        pb_room room;
        str got;
        bool fits = pb_pack_into(m, &room, &got);
        ASSERT_EQ(fits, want.size() <= sizeof room.bytes);
        if (fits) {
            ASSERT_EQ(std::string(got.p, got.n), want);
        }
        ASSERT_EQ(Ours(m), want);
        fitted += fits;
        arena_reset(&arena_);
    }
    EXPECT_GT(fitted, 1000);
    EXPECT_LT(fitted, 5000);
}

TEST_F(PbPack, FieldsOfALaterVersionAreKept)
{
    const std::string bytes = "\x0a\x01"
                              "a"
                              "\xf8\x3f\x07"; // text, and a field 1023 that nobody knows
    void *m = pb_unpack(&arena_, &test__v1__everything__descriptor, str_make(bytes.data(), bytes.size()));
    ASSERT_NE(m, nullptr);
    EXPECT_EQ(Ours(static_cast<ProtobufCMessage *>(m)), bytes);
}

TEST_F(PbPack, AnEmptyMessageHasNoBytes)
{
    EXPECT_EQ(Ours(static_cast<ProtobufCMessage *>(pb_new(&arena_, &test__v1__everything__descriptor))), "");
}

} // namespace
