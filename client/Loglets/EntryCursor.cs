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

    // What is left of the segment that the cursor is in, and the index of the next one.
    private ReadOnlySpan<byte> _rest;
    private int _next;
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
        if (!EntryCodec.TryReadHeader(_rest, out var header) || _rest.Length < header.Size) return MoveNextElsewhere();
        Header = header;
        Entry = _rest[..header.Size];
        _rest = _rest[header.Size..];
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

    /// <summary>The entry begins in the next segment, or ends in another one than it begins in; or there is none.</summary>
    private bool MoveNextElsewhere()
    {
        Entry = default;
        if (_payload is null || IsMalformed) return false;
        SkipEmpty();
        if (_rest.IsEmpty) return false;
        Span<byte> fixedPart = stackalloc byte[EntryCodec.HeaderSize];
        EntryHeader header;
        if (_rest.Length >= EntryCodec.HeaderSize ? !EntryCodec.TryReadHeader(_rest, out header) : !TryPeekHeader(fixedPart, out header))
        {
            IsMalformed = true;
            return false;
        }

        Header = header;
        if (_rest.Length >= header.Size)
        {
            Entry = _rest[..header.Size];
            _rest = _rest[header.Size..];
            return true;
        }

        if (_scratch is null || _scratch.Length < header.Size)
        {
            if (_scratch is not null) ArrayPool<byte>.Shared.Return(_scratch);
            _scratch = ArrayPool<byte>.Shared.Rent(header.Size);
        }

        var whole = _scratch.AsSpan(0, header.Size);
        if (!Peek(whole))
        {
            IsMalformed = true;
            return false;
        }

        Skip(header.Size);
        Entry = whole;
        return true;
    }

    private readonly bool TryPeekHeader(Span<byte> fixedPart, out EntryHeader header)
    {
        header = default;
        return Peek(fixedPart) && EntryCodec.TryReadHeader(fixedPart, out header);
    }

    /// <summary>Copies the next bytes without moving; false if there are not as many.</summary>
    private readonly bool Peek(Span<byte> destination)
    {
        var source = _rest;
        for (var next = _next; ; source = _payload!.GetSpan(next++))
        {
            var taken = Math.Min(source.Length, destination.Length);
            source[..taken].CopyTo(destination);
            destination = destination[taken..];
            if (destination.IsEmpty) return true;
            if (next == _payload!.SegmentCount) return false;
        }
    }

    private void Skip(int count)
    {
        while (count > 0)
        {
            SkipEmpty();
            var taken = Math.Min(count, _rest.Length);
            _rest = _rest[taken..];
            count -= taken;
        }
    }

    private void SkipEmpty()
    {
        while (_rest.IsEmpty && _next < _payload!.SegmentCount) _rest = _payload.GetSpan(_next++);
    }
}
