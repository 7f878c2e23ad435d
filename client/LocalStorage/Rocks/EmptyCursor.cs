using Delos.Runtime;

namespace Delos.LocalStorage.Rocks;

/// <summary>A walk over nothing.</summary>
internal sealed class EmptyCursor : IStoreCursor
{
    public static EmptyCursor Instance { get; } = new();

    public ReadOnlySpan<byte> Key => throw new InvalidOperationException("The cursor is not on a key.");

    public ReadOnlySpan<byte> Value => throw new InvalidOperationException("The cursor is not on a key.");

    public bool MoveNext() => false;

    public void Dispose()
    {
    }
}
