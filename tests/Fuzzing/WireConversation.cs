using Delos.Protocol.Chains;
using Delos.Protocol.Connections;
using Delos.Protocol.Framing;
using Delos.Protocol.Identity;
using Delos.Protocol.Messages;

namespace Delos.Tests.Fuzzing;

/// <summary>The bytes of one hostile connection: a handshake, then messages of every type that mostly make sense to the node (its incarnation, Loglets of its own making, real entries), mutated or not.</summary>
internal sealed class WireConversation
{
    private const int Loglets = 24;

    private readonly LogletConfig[] _configs;
    private readonly ulong _incarnation;
    private readonly byte[] _buffer = new byte[1 << 20];

    public WireConversation(NodeIdentity node, ulong incarnation)
    {
        var random = new FuzzRandom(77);
        _incarnation = incarnation;
        _configs = [.. Enumerable.Range(0, Loglets).Select(_ => LogletConfig.Native(new LogletId(random.Next64(), random.Next64()), node.NodeId, incarnation, [new ReplicaId(node.NodeId, node.DiskId)]))];
    }

    public ReadOnlyMemory<byte> Make(FuzzRandom random)
    {
        var length = 0;
        Append(random.OneIn(12) ? Anything(random) : Bytes(Handshake.Greet(LocalPeer.Client())), ref length);

        // The Loglets of one conversation: few, so that its messages meet.
        var config = random.Pick(_configs);
        for (var i = random.Between(1, 30); i > 0; i--) Append(Frame(random, config), ref length);
        if (random.OneIn(2))
        {
            var start = random.OneIn(4) ? 0 : Math.Min(length, 200);
            length = start + Mutator.Mutate(random, _buffer.AsSpan(start), length - start);
        }

        return _buffer.AsMemory(0, length);
    }

    private static byte[] Bytes<T>(T message)
        where T : struct, IMessage<T> => MessageCodecs.All.Single(c => c.Type == T.Type).Frame(message, [], 0, FrameFlags.None);

    private static byte[] Anything(FuzzRandom random)
    {
        var codec = random.Pick(MessageCodecs.All);
        return codec.Frame(codec.Make(random), random.Bytes(random.Next(50)), random.Number(), (FrameFlags)random.Next(2));
    }

    private void Append(ReadOnlySpan<byte> bytes, ref int length)
    {
        if (length + bytes.Length > _buffer.Length / 2) return;
        bytes.CopyTo(_buffer.AsSpan(length));
        length += bytes.Length;
    }

    private byte[] Frame(FuzzRandom random, LogletConfig config)
    {
        var codec = random.Pick(MessageCodecs.All);
        if (codec.Type is FrameType.Hello or FrameType.HelloReply or FrameType.Error && !random.OneIn(6)) return [];
        var count = random.Between(1, 6);
        var payload = codec.Type is FrameType.Append or FrameType.Store or FrameType.Repair || random.OneIn(10) ? EntryFuzzTests.Batch(random, count) : [];
        var message = codec.Make(random, Choose);
        if (random.OneIn(8) && payload.Length > 0) Mutator.Change(random, payload, payload.Length, default);
        return codec.Frame(message, payload, random.OneIn(3) ? random.Number() : (ulong)random.Between(1, 8), random.OneIn(10) ? FrameFlags.Reply : FrameFlags.None);

        object? Choose(Type type, string name)
        {
            if (type == typeof(LogletConfig)) return random.OneIn(12) ? null : config;
            if (type == typeof(LogletId)) return random.OneIn(12) ? new LogletId(random.Next64(), 1) : config.Id;
            if (type == typeof(string)) return "fuzz/" + random.Next(5);
            if (name == "Incarnation") return random.OneIn(10) ? null : _incarnation;
            if (name == "ClientId") return random.OneIn(10) ? null : EntryFuzzTests.Client;
            if (name == "Count") return random.OneIn(6) ? null : (uint)count;
            if (name == "Floor") return random.OneIn(4) ? null : (ulong)random.Next(4);
            return type == typeof(long) && !random.OneIn(6) ? (long)random.Next(30) : null;
        }
    }
}
