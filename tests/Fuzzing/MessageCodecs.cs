using Delos.Protocol.Framing;
using Delos.Protocol.Messages;

namespace Delos.Tests.Fuzzing;

/// <summary>Every message of the protocol, found by reflection: one that is added is fuzzed without being named anywhere.</summary>
internal abstract class MessageCodecs(string name, FrameType type)
{
    public static IReadOnlyList<MessageCodecs> All { get; } = Find();

    public string Name { get; } = name;

    public FrameType Type { get; } = type;

    /// <summary>A random valid message.</summary>
    public abstract object Make(FuzzRandom random, Func<Type, string, object?>? choose = null);

    /// <summary>Its metadata.</summary>
    public abstract byte[] Encode(object message);

    /// <summary>A whole frame with it.</summary>
    public abstract byte[] Frame(object message, ReadOnlySpan<byte> payload, ulong correlationId, FrameFlags flags);

    /// <summary>Null if the decoder refuses the bytes.</summary>
    public abstract object? Decode(ReadOnlySpan<byte> metadata);

    /// <summary>As <see cref="Decode"/>; compares the message's encoding with the bytes that it came from, and tells what the decoder alone allocated.</summary>
    public abstract DecodeVerdict TryDecode(ReadOnlySpan<byte> metadata, Span<byte> room, out long allocated);

    public override string ToString() => Name;

    private static List<MessageCodecs> Find()
    {
        var codecs = new List<MessageCodecs>();
        foreach (var type in typeof(Ping).Assembly.GetTypes().OrderBy(t => t.Name, StringComparer.Ordinal))
        {
            if (!type.IsValueType || !type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IMessage<>))) continue;
            codecs.Add((MessageCodecs)Activator.CreateInstance(typeof(Codec<>).MakeGenericType(type))!);
        }

        return codecs;
    }

    private sealed class Codec<T>() : MessageCodecs(typeof(T).Name, T.Type)
        where T : struct, IMessage<T>
    {
        public override object Make(FuzzRandom random, Func<Type, string, object?>? choose) => ValueGenerator.Make(random, typeof(T), nullable: false, choose)!;

        public override byte[] Encode(object message)
        {
            var typed = (T)message;
            var bytes = new byte[typed.Size];
            var writer = new MessageWriter(bytes);
            typed.Write(ref writer);
            return writer.Position == bytes.Length ? bytes : throw new FuzzFailure($"{Name} wrote {writer.Position} bytes of the {bytes.Length} that it announced", bytes);
        }

        public override byte[] Frame(object message, ReadOnlySpan<byte> payload, ulong correlationId, FrameFlags flags)
        {
            var typed = (T)message;
            var bytes = new byte[FrameWriter.SizeOf(typed) + payload.Length];
            payload.CopyTo(bytes.AsSpan(FrameWriter.Write(bytes, typed, payload.Length, correlationId, flags, FrameHeader.MaxVersion)));
            return bytes;
        }

        public override object? Decode(ReadOnlySpan<byte> metadata) => Protocol.Framing.Frame.TryRead<T>(Type, metadata, out var message) ? message : null;

        public override DecodeVerdict TryDecode(ReadOnlySpan<byte> metadata, Span<byte> room, out long allocated)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var read = Protocol.Framing.Frame.TryRead<T>(Type, metadata, out var message);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (!read) return DecodeVerdict.Refused;
            if (message.Size != metadata.Length) return DecodeVerdict.NotCanonical;
            var writer = new MessageWriter(room);
            message.Write(ref writer);
            return writer.Position == metadata.Length && room[..writer.Position].SequenceEqual(metadata) ? DecodeVerdict.Canonical : DecodeVerdict.NotCanonical;
        }
    }
}

internal enum DecodeVerdict
{
    Refused,

    /// <summary>Read, and it encodes to the same bytes.</summary>
    Canonical,

    /// <summary>Read, but two different strings of bytes stand for the same message.</summary>
    NotCanonical,
}
