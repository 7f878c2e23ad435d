using Delos.Client.MetaStore;
using Delos.Daemon.MetaStore;
using Delos.Protocol.Chains;
using Delos.Protocol.Cluster;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Fuzzing;

/// <summary>What the MetaStore's registers and acceptors hold: register values, chains, node lists, journal records of an acceptor, and the status documents of nodes.</summary>
public sealed class RegisterFuzzTests
{
    private const int Inputs = 40_000;
    private const double Share = 1.0 / 6;

    [Test]
    public void Register_values() => Run("register value", r => MakeRegister(r).Encode(), b => RegisterValue.Decode(b)?.Encode());

    [Test]
    public void Chains() => Run("chain", r => ChainCodec.Encode(MakeChain(r)), ReencodeChain);

    [Test]
    public void Node_lists() => Run("node list", r => NodeListCodec.Encode(MakeNodes(r)), b => NodeListCodec.Decode(3, b) is { } list ? NodeListCodec.Encode(list) : null);

    [Test]
    public void Loglet_configs() => Run("Loglet config", r => Bytes(ValueGenerator.Config(r)), b =>
    {
        var reader = new MessageReader(b);
        return LogletConfig.Read(ref reader) is { } config && reader.IsComplete ? Bytes(config) : null;
    });

    [Test]
    public void Acceptor_records()
    {
        var known = new AcceptorRegister("log/known", new Ballot(3, 4), 7, new Ballot(2, 9), new byte[] { 1, 2, 3 });
        Run("acceptor record", Make, Reencode);

        byte[] Make(FuzzRandom random)
        {
            if (random.OneIn(3)) return AcceptorRecord.Encode(known, known with { Promised = MakeBallot(random) });
            var name = ValueGenerator.Text(random) + "x";
            return AcceptorRecord.Encode(null, new AcceptorRegister(name, MakeBallot(random), random.Number(), MakeBallot(random), random.Bytes(random.Next(200))));
        }

        byte[]? Reencode(byte[] bytes)
        {
            if (AcceptorRecord.Decode(bytes, name => name == known.Name ? known : null) is not { } next) return null;
            return AcceptorRecord.Encode(bytes[0] == (byte)AcceptorRecordKind.Promise ? known : null, next);
        }
    }

    [Test]
    public void Node_status_documents_are_whole_or_refused()
    {
        var document = new NodeStatusDocument
        {
            NodeId = 3,
            DiskId = Guid.NewGuid(),
            ClusterId = Guid.NewGuid(),
            Roles = ["sequencer", "logserver"],
            Incarnation = ulong.MaxValue,
            Loglets = [new LogletStatusLine { Id = "00", DurableTail = 5 }, new LogletStatusLine { Id = "11", Sealed = true }],
            Sequencing = [new SequencingStatusLine { Id = "22" }],
            Disk = new DiskStatus { FreeBytes = 1 },
        };
        var json = System.Text.Encoding.UTF8.GetString(document.ToJson());
        string[] words = ["null", "[]", "{}", "[null]", "\"\"", "1e999", "-1", "true", "\"\\ud800\"", "[[[[[[", "18446744073709551616"];
        Fuzz.Run("node status document", Inputs / 5, Round, Share);

        long Round(FuzzRound round)
        {
            for (var i = 0; i < 40; i++)
            {
                var bytes = new byte[4096];
                var text = json;
                if (round.Random.OneIn(2))
                {
                    // A whole value in the place of another.
                    var values = System.Text.RegularExpressions.Regex.Matches(text, "(?<=:)(\\[[^\\]]*\\]|\"[^\"]*\"|[a-z0-9.]+)");
                    var value = values[round.Random.Next(values.Count)];
                    text = text[..value.Index] + round.Random.Pick(words) + text[(value.Index + value.Length)..];
                }

                var length = System.Text.Encoding.UTF8.GetBytes(text, bytes);
                if (round.Random.OneIn(2)) length = Mutator.Mutate(round.Random, bytes, length);
                CheckDocument(bytes.AsSpan(0, length));
            }

            return 40;
        }
    }

    [Test]
    public void A_chain_codec_that_forgets_to_compare_neighbours_is_caught() => Fuzz.MustFail(2000, "not back to back", round =>
    {
        // Mutant: the decoder's answer, with one segment moved.
        var chain = MakeChain(round.Random);
        var moved = chain with { Segments = [.. chain.Segments.Select((s, i) => i == 0 ? s with { Start = s.Start + 1, Stop = s.Stop + 1 } : s)] };
        CheckChain(moved, []);
    });

    private static void Run(string name, Func<FuzzRandom, byte[]> make, Func<byte[], byte[]?> reencode) =>
        Fuzz.Run(name, Inputs, new CodecFuzz(name, make, reencode).Run, Share);

    private static void CheckDocument(ReadOnlySpan<byte> json)
    {
        NodeStatusDocument? document;
        try
        {
            if (!NodeStatusDocument.TryParse(json, out document)) return;
        }
        catch (Exception e)
        {
            throw new FuzzFailure($"the parser threw {e.GetType().Name}: {e.Message}", json);
        }

        var whole = document.Roles is not null && document.Roles.All(r => r is not null) && document.Version is not null && document.Loglets is not null && document.Sequencing is not null
            && document.Loglets.All(l => l is { Id: not null }) && document.Sequencing.All(s => s is { Id: not null });
        if (!whole) throw new FuzzFailure("a document with nothing where something must be was accepted", json);
    }

    private static byte[]? ReencodeChain(byte[] bytes)
    {
        if (ChainCodec.Decode(3, bytes) is not { } chain) return null;
        CheckChain(chain, bytes);
        return ChainCodec.Encode(chain);
    }

    private static void CheckChain(Chain chain, ReadOnlySpan<byte> bytes)
    {
        var segments = chain.Segments;
        FuzzRound.Check(segments.Count > 0 && segments[^1].IsActive && segments[0].Start >= 0, "the chain has no active segment", bytes);
        for (var i = 0; i < segments.Count - 1; i++)
        {
            FuzzRound.Check(segments[i].Stop is { } stop && stop >= segments[i].Start && stop == segments[i + 1].Start, $"segments {i} and {i + 1} are not back to back", bytes);
        }

        FuzzRound.Check(Enum.IsDefined(chain.Policy.Kind), $"the policy's kind {chain.Policy.Kind} exists nowhere", bytes);
        FuzzRound.Check(segments.All(s => Enum.IsDefined(s.Loglet.Kind)), "a Loglet's kind exists nowhere", bytes);
    }

    private static RegisterValue MakeRegister(FuzzRandom random) => new(
        MakeEndpoints(random), MakeEndpoints(random), random.Number(), [.. Enumerable.Range(0, random.Next(RegisterValue.MaxFormerWrites + 1)).Select(_ => random.Number())], random.Bytes(random.Next(100)));

    private static NodeEndpoint[] MakeEndpoints(FuzzRandom random) =>
        [.. Enumerable.Range(0, random.Between(1, random.OneIn(8) ? RegisterValue.MaxAcceptors : 5)).Select(_ => new NodeEndpoint((uint)random.Number(), random.Guid(), ValueGenerator.Text(random), random.Next(65536)))];

    private static NodeList MakeNodes(FuzzRandom random)
    {
        var nodes = new List<NodeInfo>();
        uint id = 0;
        for (var i = random.Next(6); i > 0; i--) nodes.Add(new NodeInfo(id += (uint)random.Between(1, 1000), random.Guid(), ValueGenerator.Text(random), random.Next(65536), (NodeRoles)random.Number()));
        return new NodeList(3, nodes);
    }

    private static Chain MakeChain(FuzzRandom random)
    {
        var segments = new List<Segment>();
        var start = (long)(random.Number() >> 2);
        for (var i = random.Between(1, 5); i > 0; i--)
        {
            long? stop = i == 1 ? null : start + random.NextLong(1000);
            segments.Add(new Segment(start, stop, ValueGenerator.Config(random), random.Guid(), random.Number()));
            start = stop ?? start;
        }

        var replication = random.Between(1, LogletConfig.MaxReplicas);
        var kind = random.Pick(Enum.GetValues<LogletKind>());
        var policy = kind == LogletKind.Striped ? LogPolicy.Striped(replication, random.Between(1, LogletConfig.MaxStripes), random.Next(2) == 0) : new LogPolicy(replication, kind, 1);
        var history = Enumerable.Range(0, random.Next(5)).Select(_ => (ChainEdit)ValueGenerator.Make(random, typeof(ChainEdit))!);
        return new Chain(3, policy, segments, [.. history]);
    }

    private static Ballot MakeBallot(FuzzRandom random) => new(random.Number(), random.Number());

    private static byte[] Bytes(LogletConfig config)
    {
        var bytes = new byte[config.Size];
        var writer = new MessageWriter(bytes);
        config.Write(ref writer);
        return bytes;
    }
}
