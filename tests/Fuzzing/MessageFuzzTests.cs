using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Fuzzing;

/// <summary>Every message codec against valid values and against mutated encodings.</summary>
public sealed class MessageFuzzTests
{
    private const int Rounds = 800;
    private const int MutantsPerRound = 60;

    /// <summary>What one decode may allocate: in proportion to the bytes received (a list of empty texts is the worst), and for the exception of malformed UTF-8.</summary>
    private const int AllocatedPerByte = 16;
    private const int AllocatedAtMost = 16 << 10;

    private static IEnumerable<string> Names => MessageCodecs.All.Select(c => c.Name);

    [Test]
    public void Every_frame_type_has_one_message_that_is_fuzzed()
    {
        var types = MessageCodecs.All.Select(c => c.Type).Order().ToArray();
        Assert.That(types, Is.EqualTo(Enum.GetValues<FrameType>().Where(t => t != FrameType.None).Order()));
    }

    [TestCaseSource(nameof(Names))]
    public void A_random_value_reads_back_as_written_and_mutants_are_refused_or_canonical(string name)
    {
        var codec = MessageCodecs.All.Single(c => c.Name == name);
        var buffer = new byte[64 << 10];
        var room = new byte[64 << 10];
        var former = codec.Encode(codec.Make(new FuzzRandom(0)));
        Fuzz.Run($"message {name}", Rounds * MutantsPerRound, Round, share: 1.0 / MessageCodecs.All.Count);

        long Round(FuzzRound round)
        {
            var random = round.Random;
            var message = codec.Make(random);
            var bytes = codec.Encode(message);
            var read = codec.Decode(bytes);
            FuzzRound.Check(read is not null && ValueGenerator.DeepEquals(read, message), $"{name} does not read back as written: {message}", bytes);
            for (var i = 0; i < MutantsPerRound; i++)
            {
                bytes.CopyTo(buffer, 0);
                var length = Mutator.Mutate(random, buffer, bytes.Length, former);
                CheckMutant(codec, buffer.AsSpan(0, length), room);
            }

            former = bytes;
            return MutantsPerRound;
        }
    }

    [TestCaseSource(nameof(Names))]
    public void Every_message_type_refuses_or_reads_canonically_the_bytes_of_every_other(string name)
    {
        var codec = MessageCodecs.All.Single(c => c.Name == name);
        var random = new FuzzRandom(1);
        var room = new byte[64 << 10];
        foreach (var other in MessageCodecs.All)
        {
            for (var i = 0; i < 5; i++) CheckMutant(codec, other.Encode(other.Make(random)), room);
        }
    }

    [Test]
    public void The_generator_refuses_a_type_that_it_does_not_know() =>
        Assert.That(() => ValueGenerator.Make(new FuzzRandom(1), typeof(TimeSpan)), Throws.TypeOf<NotSupportedException>());

    [Test]
    public void A_decoder_that_takes_two_spellings_of_one_value_is_caught()
    {
        Fuzz.MustFail(200, "not canonical", round =>
        {
            // Mutant: reads a boolean as "not zero".
            var bytes = MessageCodecs.All.Single(c => c.Name == nameof(NodeStatus)).Encode(new NodeStatus(true));
            bytes[0] ^= (byte)(1 << round.Random.Next(8));
            var decoded = new NodeStatus(bytes[0] != 0);
            var again = MessageCodecs.All.Single(c => c.Name == nameof(NodeStatus)).Encode(decoded);
            FuzzRound.Check(again.AsSpan().SequenceEqual(bytes), "not canonical", bytes);
        });
    }

    private static void CheckMutant(MessageCodecs codec, ReadOnlySpan<byte> input, Span<byte> room)
    {
        DecodeVerdict verdict;
        long allocated;
        try
        {
            verdict = codec.TryDecode(input, room, out allocated);
        }
        catch (Exception e)
        {
            throw new FuzzFailure($"{codec.Name}: the decoder threw {e.GetType().Name}: {e.Message}\n{e.StackTrace}", input);
        }

        if (verdict == DecodeVerdict.NotCanonical) throw new FuzzFailure($"{codec.Name} read bytes that it would not write", input);
        if (allocated > AllocatedAtMost + (AllocatedPerByte * (long)input.Length)) throw new FuzzFailure($"{codec.Name} allocated {allocated} bytes for {input.Length}", input);
    }
}
