using Delos.Client;
using Delos.Protocol.Entries;

namespace Delos.Tests.Simulation;

/// <summary>
/// What the entries of replicated state machines hold. On the simulated wires and disks an entry carries a number in place of its content, so that the limits of batches and windows, which are small to be met at once,
/// mean as much as for the clients' tiny entries. An entry that an operator patches gets another number.
/// </summary>
internal sealed class SimContents
{
    private readonly List<byte[]> _contents = [];

    public ulong Add(byte[] content)
    {
        _contents.Add(content);
        return (ulong)_contents.Count - 1;
    }

    /// <summary>As applications see an encoded entry; null: they do not.</summary>
    public LogEntry? Show(long position, byte[] entry)
    {
        if (!EntryCodec.TryReadHeader(entry, out var header) || header.Kind != EntryKind.Data) return null;
        return new LogEntry(position, _contents[(int)BitConverter.ToUInt64(entry, EntryCodec.HeaderSize)], header.Id, header.Kind);
    }

    /// <summary>The same entry with another content; null: deleted. The append id stays.</summary>
    public static byte[] Edit(byte[] entry, ulong? content)
    {
        EntryCodec.TryReadHeader(entry, out var header);
        return content is { } number ? SimEntries.Encode(header.Id, EntryKind.Data, BitConverter.GetBytes(number)) : SimEntries.Encode(header.Id, EntryKind.Deleted, []);
    }
}
