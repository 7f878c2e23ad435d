using System.Runtime.InteropServices;

namespace Delos.LocalStorage.Rocks;

/// <summary>
/// The functions of RocksDB's C interface (rocksdb/c.h) that we use: here the database, its iterators and batches. An error is a text that the caller frees (<see cref="RocksError"/>), 0: none. Sizes are size_t, flags unsigned char.
/// </summary>
internal static unsafe partial class RocksNative
{
    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_free")]
    internal static partial void Free(nint memory);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_open", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial DatabaseHandle Open(OptionsHandle options, string directory, out nint error);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_open_for_read_only", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial DatabaseHandle OpenForReadOnly(OptionsHandle options, string directory, byte failIfLogExists, out nint error);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_close")]
    internal static partial void Close(nint database);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_flush")]
    internal static partial void Flush(DatabaseHandle database, FlushOptionsHandle options, out nint error);

    /// <summary>0: no such key.</summary>
    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_get_pinned")]
    internal static partial nint GetPinned(DatabaseHandle database, ReadOptionsHandle options, byte* key, nuint keyLength, out nint error);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_pinnableslice_value")]
    internal static partial byte* PinnedValue(nint pinned, out nuint length);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_pinnableslice_destroy")]
    internal static partial void PinnedDestroy(nint pinned);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_create_snapshot")]
    internal static partial nint SnapshotCreate(DatabaseHandle database);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_release_snapshot")]
    internal static partial void SnapshotRelease(nint database, nint snapshot);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_checkpoint_object_create")]
    internal static partial nint CheckpointCreateObject(DatabaseHandle database, out nint error);

    /// <summary>The memtable is written to a file first, if the write-ahead log is larger than <paramref name="logBytes"/>; 0: in any case.</summary>
    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_checkpoint_create", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void CheckpointCreate(CheckpointHandle checkpoint, string directory, ulong logBytes, out nint error);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_checkpoint_object_destroy")]
    internal static partial void CheckpointDestroyObject(nint checkpoint);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_create_iterator")]
    internal static partial nint IteratorCreate(DatabaseHandle database, ReadOptionsHandle options);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_destroy")]
    internal static partial void IteratorDestroy(nint iterator);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_valid")]
    internal static partial byte IteratorValid(nint iterator);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_seek_to_first")]
    internal static partial void IteratorSeekToFirst(nint iterator);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_seek_to_last")]
    internal static partial void IteratorSeekToLast(nint iterator);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_seek")]
    internal static partial void IteratorSeek(nint iterator, byte* key, nuint length);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_next")]
    internal static partial void IteratorNext(nint iterator);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_prev")]
    internal static partial void IteratorPrevious(nint iterator);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_key")]
    internal static partial byte* IteratorKey(nint iterator, out nuint length);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_value")]
    internal static partial byte* IteratorValue(nint iterator, out nuint length);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_iter_get_error")]
    internal static partial void IteratorError(nint iterator, out nint error);

    /// <summary>Copies the bytes, which are those of a batch.</summary>
    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_writebatch_create_from")]
    internal static partial BatchHandle BatchCreate(byte* bytes, nuint length);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_writebatch_destroy")]
    internal static partial void BatchDestroy(nint batch);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_write")]
    internal static partial void Write(DatabaseHandle database, WriteOptionsHandle options, BatchHandle batch, out nint error);
}
