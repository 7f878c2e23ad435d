using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>The bounds of a scan of one space, as keys of the database (see <see cref="SpaceKey"/>). They keep a scan within its space, too.</summary>
internal readonly ref struct KeyRange(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
{
    private readonly ReadOnlySpan<byte> _from = from;
    private readonly ReadOnlySpan<byte> _to = to;

    /// <summary>No key is in it.</summary>
    public bool IsEmpty => !_to.IsEmpty && _from.SequenceCompareTo(_to) >= 0;

    public int LowerLength => 1 + _from.Length;

    public int UpperLength => 1 + _to.Length;

    public void WriteLower(Span<byte> lower)
    {
        lower[0] = (byte)space;
        _from.CopyTo(lower[1..]);
    }

    public void WriteUpper(Span<byte> upper)
    {
        // Without an end, it is the beginning of the next space.
        upper[0] = (byte)(_to.IsEmpty ? (byte)space + 1 : (byte)space);
        _to.CopyTo(upper[1..]);
    }
}
