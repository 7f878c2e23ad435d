using Delos.Protocol.Tables;
using Delos.Tests.Fuzzing;

namespace Delos.Tests.Tables;

/// <summary>Keys: their bytes are in the order of the values, end themselves, and give the values back.</summary>
public sealed class KeyCodecTests
{
    private static readonly double[] s_doubles = [double.NegativeInfinity, double.MinValue, -1, -double.Epsilon, -0.0, 0.0, double.Epsilon, 1, double.MaxValue, double.PositiveInfinity, double.NaN];

    [Test]
    public void Bytes_of_keys_are_in_the_order_of_their_values() => Fuzz.Run("order of keys", 20_000, round =>
    {
        var (a, b) = Pair(round.Random);
        var (x, y) = (Encode(a), Encode(b));
        FuzzRound.Check(Math.Sign(x.AsSpan().SequenceCompareTo(y)) == Math.Sign(Compare(a, b)), $"({string.Join(", ", a)}) and ({string.Join(", ", b)}) are in another order than their bytes {Convert.ToHexString(y)}", x);
    });

    [Test]
    public void No_component_is_a_prefix_of_another() => Fuzz.Run("prefixes of keys", 20_000, round =>
    {
        var (a, b) = Pair(round.Random);
        var (x, y) = (Encode([a[0]]), Encode([b[0]]));
        FuzzRound.Check(a[0] == b[0] || !x.AsSpan().StartsWith(y), $"{a[0]} begins with {b[0]}", x);
    });

    [Test]
    public void Values_come_back_from_a_key_one_by_one() => Fuzz.Run("keys and back", 20_000, round =>
    {
        var (values, _) = Pair(round.Random);
        var bytes = Encode(values);
        ReadOnlySpan<byte> rest = bytes;
        foreach (var value in values) FuzzRound.Check(KeyCodec.TryRead(ref rest, out var read) && read == value, $"{value} does not come back", bytes);
        FuzzRound.Check(rest.IsEmpty, "something is left over", bytes);
        rest = bytes;
        FuzzRound.Check(KeyCodec.TrySkip(ref rest, values.Length) && rest.IsEmpty, "skipping goes wrong", bytes);
    });

    [Test]
    public void Any_bytes_are_read_as_what_encodes_to_them_or_not_at_all() => Fuzz.Run("bytes as keys", 40_000, round =>
    {
        var buffer = new byte[4096];
        var bytes = Encode(Pair(round.Random).Item1);
        bytes.CopyTo(buffer, 0);
        var mutant = buffer[..Mutator.Mutate(round.Random, buffer, bytes.Length)];
        ReadOnlySpan<byte> rest = mutant;
        var again = new ByteBuilder();
        while (!rest.IsEmpty && KeyCodec.TryRead(ref rest, out var value)) KeyCodec.Append(again, value);
        FuzzRound.Check(mutant.AsSpan().StartsWith(again.Written), "bytes are read that nobody writes", mutant);
    });

    [Test]
    public void Doubles_are_in_their_total_order()
    {
        for (var i = 1; i < s_doubles.Length; i++)
        {
            Assert.That(Encode([s_doubles[i - 1]]).AsSpan().SequenceCompareTo(Encode([s_doubles[i]])), Is.LessThan(0), $"{s_doubles[i - 1]} and {s_doubles[i]}");
        }
    }

    [Test]
    public void Every_NaN_is_the_same_and_minus_zero_is_not_zero()
    {
        Assert.That(CellValue.Of(BitConverter.Int64BitsToDouble(-1)), Is.EqualTo(CellValue.Of(double.NaN)));
        Assert.That(CellValue.Of(-0.0), Is.Not.EqualTo(CellValue.Of(0.0)));
        Assert.That(CellValue.Of(-0.0), Is.LessThan(CellValue.Of(0.0)));
        Assert.That(BitConverter.DoubleToInt64Bits(CellValue.Of(-0.0).AsDouble()), Is.EqualTo(long.MinValue));
    }

    [Test]
    public void The_bytes_of_keys_are_as_documented()
    {
        Assert.That(Convert.ToHexString(Encode([CellValue.Null, 1, -1.5, "a\0b", new byte[] { 0, 255 }, true, CellValue.Timestamp(-1)])), Is.EqualTo(
            "01" + "118000000000000001" + "124007FFFFFFFFFFFF" + "136100FF620001" + "1400FFFF0001" + "1501" + "167FFFFFFFFFFFFFFF"));
    }

    [Test]
    public void The_successor_is_above_all_that_begin_alike_and_nothing_is_between() => Fuzz.Run("successors", 20_000, round =>
    {
        var prefix = round.Random.Bytes(round.Random.Between(1, 6));
        if (round.Random.OneIn(3)) prefix.AsSpan(round.Random.Next(prefix.Length)).Fill(0xFF);
        var successor = KeyCodec.Successor(prefix);
        byte[] beyond = [.. prefix, .. Enumerable.Repeat((byte)0xFF, round.Random.Next(6))];
        FuzzRound.Check(successor.Length == 0 ? prefix.All(b => b == 0xFF) : successor.AsSpan().SequenceCompareTo(beyond) > 0 && !successor.AsSpan().StartsWith(prefix), "the successor is not above", prefix);
    });

    private static (CellValue[], CellValue[]) Pair(FuzzRandom random)
    {
        // Of the same types, as keys of one table are; sometimes not, so that tags count; often nearly the same.
        var types = Enumerable.Range(0, random.Between(1, 4)).Select(_ => (ColumnType)random.Between(0, 6)).ToArray();
        var a = types.Select(t => TableValues.Of(random, t)).ToArray();
        var b = types.Select((t, i) => random.OneIn(2) ? a[i] : TableValues.Of(random, random.OneIn(6) ? (ColumnType)random.Between(0, 6) : t)).ToArray();
        return (a, b);
    }

    private static int Compare(CellValue[] a, CellValue[] b)
    {
        for (var i = 0; i < a.Length; i++)
        {
            if (TableValues.Compare(a[i], b[i]) is var c and not 0) return c;
        }

        return 0;
    }

    private static byte[] Encode(CellValue[] values)
    {
        var bytes = new ByteBuilder();
        KeyCodec.AppendAll(bytes, values);
        return bytes.ToArray();
    }
}
