package badinput

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// verdict says which answers are right.
type verdict int

const (
	lawful    verdict = iota // any documented answer, success included
	malformed                // INVALID_ARGUMENT, found while reading the bytes
	tooLarge                 // RESOURCE_EXHAUSTED, or INVALID_ARGUMENT where a limit on items was met first
)

// input is one bad message of a method.
type input struct {
	method  string
	what    string // how it was made, for the report
	bytes   []byte
	verdict verdict
}

// corpus makes all inputs of a seed. The same seed gives the same corpus.
func corpus(s seed) []input {
	c := &maker{seed: s, random: rand.New(rand.NewPCG(7, uint64(len(s.method))))}
	c.valid = c.marshal(s.body)
	c.wireFaults()
	c.hugeMessages()
	c.fields(s.body.ProtoReflect(), "")
	return c.inputs
}

type maker struct {
	seed   seed
	valid  []byte
	random *rand.Rand
	inputs []input
}

func (c *maker) add(v verdict, b []byte, format string, args ...any) {
	c.inputs = append(c.inputs, input{c.seed.method, fmt.Sprintf(format, args...), b, v})
}

func (c *maker) marshal(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", c.seed.method, err)) // our own message
	}
	return b
}

// addRaw judges bytes by Go's decoder: what it cannot read the server must not read either.
func (c *maker) addRaw(b []byte, format string, args ...any) {
	v := lawful
	if proto.Unmarshal(b, c.seed.body.ProtoReflect().New().Interface()) != nil {
		v = malformed
	}
	c.add(v, b, format, args...)
}

// wireFaults breaks the encoding itself.
func (c *maker) wireFaults() {
	c.addRaw(nil, "empty")
	c.addRaw(c.valid, "the seed itself")
	for i := range min(len(c.valid), 48) {
		n := i * len(c.valid) / min(len(c.valid), 48)
		c.addRaw(c.valid[:n], "cut to %d bytes", n)
	}
	for range 60 {
		if len(c.valid) > 0 {
			b := bytes.Clone(c.valid)
			at := c.random.IntN(len(b))
			b[at] ^= 1 << c.random.IntN(8)
			c.addRaw(b, "bit changed in byte %d", at)
		}
	}
	for n := range 40 {
		b := make([]byte, 1+n*n/4)
		for i := range b {
			b[i] = byte(c.random.UintN(256))
		}
		c.addRaw(b, "%d random bytes", len(b))
	}
	fields := c.seed.body.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		for kind := range 8 {
			c.addRaw(field(int(fields.Get(i).Number()), kind), "%s as wire type %d", fields.Get(i).Name(), kind)
		}
	}
	for what, b := range map[string][]byte{
		"field number 0":               {0x02, 0x00},
		"field number over 2^29":       append(protowire.AppendVarint(nil, 1<<40), 0),
		"varint of eleven bytes":       append([]byte{0x08}, bytes.Repeat([]byte{0xff}, 11)...),
		"length of 2^63":               append([]byte{0x0a}, protowire.AppendVarint(nil, 1<<63)...),
		"length of 2^32":               append([]byte{0x0a}, protowire.AppendVarint(nil, 1<<32)...),
		"length of -1":                 append([]byte{0x0a}, protowire.AppendVarint(nil, math.MaxUint64)...),
		"group that never ends":        bytes.Repeat([]byte{0xfb, 0x3f}, 300),
		"end of a group never begun":   {0xfc, 0x3f},
		"groups in each other, closed": append(bytes.Repeat([]byte{0xfb, 0x3f}, 5000), bytes.Repeat([]byte{0xfc, 0x3f}, 5000)...),
		"a tag cut short":              {0x80},
	} {
		c.addRaw(b, "%s", what)
		c.addRaw(append(bytes.Clone(c.valid), b...), "the seed and %s", what)
	}
	c.add(lawful, nested(30_000), "nested 30,000 levels in an unknown field")
	for i := range fields.Len() {
		if fields.Get(i).Kind() == protoreflect.MessageKind {
			b := protowire.AppendTag(nil, fields.Get(i).Number(), protowire.BytesType)
			c.add(lawful, protowire.AppendBytes(b, nested(30_000)), "nested 30,000 levels in %s", fields.Get(i).Name())
		}
	}
}

// field is a field of this number and wire type, with a payload that would be right for some of them.
func field(number, kind int) []byte {
	b := protowire.AppendVarint(nil, uint64(number)<<3|uint64(kind))
	return append(b, map[int][]byte{0: {0x01}, 1: {1, 2, 3, 4, 5, 6, 7, 8}, 2: {0x03, 'a', 'b', 'c'}, 5: {1, 2, 3, 4}}[kind]...)
}

// nested is a field of field 1 of field 1 ..., the innermost empty.
func nested(levels int) []byte {
	b := []byte{}
	sizes := make([]int, 0, levels)
	size := 0
	for range levels {
		sizes = append(sizes, size)
		size += 1 + protowire.SizeVarint(uint64(size))
	}
	for i := levels - 1; i >= 0; i-- {
		b = protowire.AppendVarint(append(b, 0x0a), uint64(sizes[i]))
	}
	return b
}

const messageLimit = 4 << 20

// hugeMessages are over the limits of size and memory.
func (c *maker) hugeMessages() {
	unknown := protowire.AppendTag(nil, 1900, protowire.BytesType)
	c.add(tooLarge, protowire.AppendBytes(unknown, make([]byte, messageLimit)), "an unknown field that takes the message over 4 MiB")
	c.add(lawful, protowire.AppendBytes(unknown, make([]byte, messageLimit-64)), "an unknown field of almost 4 MiB")
	c.add(lawful, bytes.Repeat([]byte{0xe0, 0x76, 0x01}, 1_000_000), "1,000,000 unknown varints")
	fields := c.seed.body.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		empty := protowire.AppendBytes(protowire.AppendTag(nil, f.Number(), protowire.BytesType), nil)
		if f.Kind() == protoreflect.MessageKind || f.IsList() {
			v := lawful
			if f.IsList() {
				v = tooLarge
			}
			c.add(v, append(bytes.Clone(c.valid), bytes.Repeat(empty, 1_000_000)...), "%s 1,000,000 times, empty", f.Name())
		}
	}
}

// texts that no field may take, at most 64 bytes each, of which the first ones must be refused while reading.
var brokenTexts = []string{"nul\x00inside", "\x00", "bad\xff\xfeutf8", "over\xc0\xaflong", "sur\xed\xa0\x80rogate", "cut\xe2\x82", "past\xf4\x90\x80\x80end"}

var oddTexts = []string{" ", "\r\nSubject: x", "\x01\x02\x7f", "'; DROP TABLE lead; --", "\" OR 1=1 --", "%s%n%x", "../../etc/passwd", "{{7*7}}", "leads/",
	"leads/../decisions/x", "leads/" + strings.Repeat("a", 64), "decisions/\u202e", "\ufeff", "\U0001F600", "-1", "1e999", "NaN", "null"}

// fields walks the seed and puts bad values into one field after the other, of every message in it.
func (c *maker) fields(m protoreflect.Message, path string) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		old := proto.Clone(m.Interface())
		at := path + string(f.Name())
		switch {
		case f.IsMap():
			c.badMap(m, f, at)
		case f.IsList():
			c.badList(m, f, at)
		case f.Kind() == protoreflect.MessageKind:
			c.fields(m.Mutable(f).Message(), at+".")
			m.Clear(f)
			c.add(lawful, c.marshal(c.seed.body), "%s is missing", at)
		default:
			c.badScalar(func(v protoreflect.Value) { m.Set(f, v) }, f, at)
		}
		proto.Reset(m.Interface())
		proto.Merge(m.Interface(), old)
	}
}

// badScalar puts bad values of the field's kind through set.
func (c *maker) badScalar(set func(protoreflect.Value), f protoreflect.FieldDescriptor, at string) {
	try := func(v protoreflect.Value) {
		set(v)
		c.add(lawful, c.marshal(c.seed.body), "%s = %.40v", at, v.Interface())
	}
	switch f.Kind() {
	case protoreflect.StringKind:
		c.badString(set, at)
	case protoreflect.BytesKind:
		for _, n := range []int{0, 1, 1<<20 + 1, 3 << 20} {
			set(protoreflect.ValueOfBytes(make([]byte, n)))
			c.add(lawful, c.marshal(c.seed.body), "%s of %d bytes", at, n)
		}
	case protoreflect.DoubleKind:
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 2, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, math.Copysign(0, -1)} {
			try(protoreflect.ValueOfFloat64(v))
		}
	case protoreflect.Int32Kind:
		for _, v := range []int32{-1, math.MinInt32, math.MaxInt32, 1_000_000_000} {
			try(protoreflect.ValueOfInt32(v))
		}
	case protoreflect.Int64Kind:
		for _, v := range []int64{-1, math.MinInt64, math.MaxInt64, 1 << 53, 253402300800} {
			try(protoreflect.ValueOfInt64(v))
		}
	case protoreflect.EnumKind:
		for _, v := range []protoreflect.EnumNumber{-1, 99, math.MaxInt32, math.MinInt32} {
			set(protoreflect.ValueOfEnum(v))
			c.add(malformed, c.marshal(c.seed.body), "%s = %d, which the enum does not have", at, v)
		}
	}
}

// badString puts broken texts in by exchanging bytes of the encoded message, for Go refuses to encode them.
func (c *maker) badString(set func(protoreflect.Value), at string) {
	for _, text := range brokenTexts {
		mark := "\x02MARK" + strings.Repeat("m", 64)
		set(protoreflect.ValueOfString(mark[:len(text)]))
		for len(text) < 6 { // too short to be found again: pad with text that is well-formed
			text += "x"
			set(protoreflect.ValueOfString(mark[:len(text)]))
		}
		b := c.marshal(c.seed.body)
		c.add(malformed, bytes.Replace(b, []byte(mark[:len(text)]), []byte(text), 1), "%s = %q", at, text)
	}
	for _, text := range oddTexts {
		set(protoreflect.ValueOfString(text))
		c.add(lawful, c.marshal(c.seed.body), "%s = %q", at, text)
	}
	for _, n := range []int{300, 5000, 70_000, 1 << 20} {
		set(protoreflect.ValueOfString(strings.Repeat("x", n)))
		c.add(lawful, c.marshal(c.seed.body), "%s of %d bytes", at, n)
	}
}

func (c *maker) badMap(m protoreflect.Message, f protoreflect.FieldDescriptor, at string) {
	fill := func(n int, key func(i int) string, value protoreflect.Value) protoreflect.Map {
		m.Clear(f)
		entries := m.Mutable(f).Map()
		for i := range n {
			entries.Set(protoreflect.ValueOfString(key(i)).MapKey(), value)
		}
		return entries
	}
	value := f.MapValue().Default()
	numbered := func(i int) string { return fmt.Sprint("k", i) }
	for _, n := range []int{0, 65, 513, 100_000} {
		fill(n, numbered, value)
		c.add(lawful, c.marshal(c.seed.body), "%s of %d entries", at, n)
	}
	c.badScalar(func(v protoreflect.Value) { fill(0, numbered, v).Set(protoreflect.ValueOfString("k").MapKey(), v) }, f.MapValue(), at+"[k]")
	c.badScalar(func(v protoreflect.Value) { fill(0, numbered, v).Set(v.MapKey(), value) }, f.MapKey(), at+" key")
	m.Clear(f)
	entry := protowire.AppendBytes(protowire.AppendTag(nil, f.Number(), protowire.BytesType), []byte{0x0a, 0x01, 'k'})
	if m == c.seed.body.ProtoReflect() {
		c.add(lawful, append(c.marshal(c.seed.body), bytes.Repeat(entry, 2)...), "%s with a key twice and no value", at)
	}
}

func (c *maker) badList(m protoreflect.Message, f protoreflect.FieldDescriptor, at string) {
	fill := func(n int, v protoreflect.Value) {
		m.Clear(f)
		list := m.Mutable(f).List()
		for range n {
			list.Append(v)
		}
	}
	one := m.Get(f).List().NewElement()
	if m.Get(f).List().Len() > 0 {
		one = m.Get(f).List().Get(0)
	}
	for _, n := range []int{0, 2, 65, 1001, 20_000} {
		fill(n, one)
		c.add(lawful, c.marshal(c.seed.body), "%s of %d items", at, n)
	}
	if f.Kind() == protoreflect.MessageKind {
		fill(1, one)
		c.fields(m.Mutable(f).List().Get(0).Message(), at+"[0].")
		return
	}
	c.badScalar(func(v protoreflect.Value) { fill(1, v) }, f, at+"[0]")
}
