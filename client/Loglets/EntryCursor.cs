using System.Buffers;
using Delos.Protocol.Blocks;
using Delos.Protocol.Entries;

namespace Delos.Client.Loglets;

/// <summary>
/// Walks the entries of a payload, one behind the other, also where they lie across two blocks. Dispose it. The payload must stay alive meanwhile.
/// <code>
/// using var cursor = new EntryCursor(batch.Entries);
/// while (cursor.MoveNext()) use(cursor.Header, cursor.Payload);
/// </code>
/// </summary>
public ref struct EntryCursor : IDisposable
{
    private readonly RetainedPayload? _payload;
    private int _segment;
    private int _offset;
    private byte[]? _scratch;

    public EntryCursor(RetainedPayload? payload) => _payload = payload;

    /// <summary>The fixed part of the current entry.</summary>
    public EntryHeader Header { get; private set; }

    /// <summary>The whole current entry, valid until the next <see cref="MoveNext"/>.</summary>
    public ReadOnlySpan<byte> Entry { get; private set; }

    /// <summary>The current entry's payload, valid until the next <see cref="MoveNext"/>.</summary>
    public readonly ReadOnlySpan<byte> Payload => Entry[EntryCodec.HeaderSize..];

    /// <summary>The bytes do not end where an entry ends, or a header makes no sense; <see cref="MoveNext"/> returned false there.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>The next entry; false at the end or if malformed. The checksum is not looked at.</summary>
    public bool MoveNext()
    {
        Entry = default;
        if (_payload is null || IsMalformed) return false;
        SkipFinishedSegments();
        if (_segment >= _payload.SegmentCount) return false;
        var rest = _payload.GetSpan(_segment)[_offset..];
        Span<byte> fixedPart = stackalloc byte[EntryCodec.HeaderSize];
        EntryHeader header;
        if (rest.Length >= EntryCodec.HeaderSize)
        {
            if (!EntryCodec.TryReadHeader(rest, out header)) return Malformed();
        }
        else if (!Peek(fixedPart) || !EntryCodec.TryReadHeader(fixedPart, out header))
        {
            return Malformed();
        }

        Header = header;
        if (rest.Length >= header.Size)
        {
            Entry = rest[..header.Size];
            _offset += header.Size;
            return true;
        }

        if (_scratch is null || _scratch.Length < header.Size)
        {
            if (_scratch is not null) ArrayPool<byte>.Shared.Return(_scratch);
            _scratch = ArrayPool<byte>.Shared.Rent(header.Size);
        }

        var whole = _scratch.AsSpan(0, header.Size);
        if (!Peek(whole)) return Malformed();
        Advance(header.Size);
        Entry = whole;
        return true;
    }

    /// <summary>True if the payload is exactly <paramref name="count"/> entries whose checksums hold.</summary>
    public static bool AreIntact(RetainedPayload? payload, int count)
    {
        using var cursor = new EntryCursor(payload);
        var seen = 0;
        while (cursor.MoveNext())
        {
            if (++seen > count || Crc32C.Compute(cursor.Entry[4..]) != cursor.Header.Crc) return false;
        }

        return seen == count && !cursor.IsMalformed;
    }

    public void Dispose()
    {
        if (_scratch is null) return;
        ArrayPool<byte>.Shared.Return(_scratch);
        _scratch = null;
    }

    private bool Malformed()
    {
        IsMalformed = true;
        return false;
    }

    private void SkipFinishedSegments()
    {
        while (_segment < _payload!.SegmentCount && _offset >= _payload.GetSpan(_segment).Length)
        {
            _offset = 0;
            _segment++;
        }
    }

    /// <summary>Copies the next bytes without moving; false if there are not as many.</summary>
    private readonly bool Peek(Span<byte> destination)
    {
        var offset = _offset;
        for (var i = _segment; i < _payload!.SegmentCount && !destination.IsEmpty; i++)
        {
            var source = _payload.GetSpan(i)[offset..];
            var taken = Math.Min(source.Length, destination.Length);
            source[..taken].CopyTo(destination);
            destination = destination[taken..];
            offset = 0;
        }

        return destination.IsEmpty;
    }

    private void Advance(int count)
    {
        while (count > 0)
        {
            var taken = Math.Min(count, _payload!.GetSpan(_segment).Length - _offset);
            _offset += taken;
            count -= taken;
            SkipFinishedSegments();
        }
    }
}
