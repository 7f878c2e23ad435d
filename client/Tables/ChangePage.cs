using System.Buffers.Binary;
using Delos.Protocol.Tables;

namespace Delos.Tables;

/// <summary>
/// The value under which the store has changes of a table: those of one command, or of several that follow each other in one entry of the log, so that many small ones cost one key. For each: i32 command within the entry, u32 length,
/// <see cref="ChangeRecord"/>. The key names the first of these commands.
/// </summary>
internal static class ChangePage
{
    /// <summary>A page that has as many bytes or would have more is not added to.</summary>
    public const int Bytes = 4096;

    /// <summary>Bytes of a change besides its record.</summary>
    public const int Overhead = 8;

    /// <summary>Adds a change to the bytes of a page.</summary>
    public static void Append(ByteBuilder page, int command, ChangeRecord change)
    {
        page.U32((uint)command);
        page.U32((uint)change.Size);
        change.Write(page);
    }

    /// <summary>How many changes a page has, and which command made the last.</summary>
    /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
    public static (int Count, RowVersion Last) Count(ReadOnlySpan<byte> key, ReadOnlySpan<byte> page)
    {
        var (count, last) = (0, RowVersion.None);
        for (var reader = new Reader(key, page); reader.MoveNext();) (count, last) = (count + 1, reader.Version);
        return (count, last);
    }

    /// <summary>The changes of a page, in order.</summary>
    /// <param name="key">The page's.</param>
    /// <param name="page">Its value.</param>
    public ref struct Reader(ReadOnlySpan<byte> key, ReadOnlySpan<byte> page)
    {
        private readonly long _position = StoreKeys.FirstOfPage(key).Position;
        private ReadOnlySpan<byte> _rest = page;

        public RowVersion Version { get; private set; }

        /// <summary>Of the <see cref="ChangeRecord"/>.</summary>
        public ReadOnlySpan<byte> Record { get; private set; }

        /// <exception cref="InvalidDataException">The bytes are damaged.</exception>
        public bool MoveNext()
        {
            if (_rest.IsEmpty) return false;
            var length = _rest.Length < Overhead ? -1 : BinaryPrimitives.ReadInt32LittleEndian(_rest[4..]);
            if (length < 0 || length > _rest.Length - Overhead) throw new InvalidDataException("A page of changes is damaged in the store.");
            Version = new RowVersion(_position, BinaryPrimitives.ReadInt32LittleEndian(_rest));
            Record = _rest.Slice(Overhead, length);
            _rest = _rest[(Overhead + length)..];
            return true;
        }
    }
}
