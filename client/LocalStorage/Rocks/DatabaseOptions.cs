namespace Delos.LocalStorage.Rocks;

/// <summary>Makes RocksDB's options from ours.</summary>
internal static class DatabaseOptions
{
    // What 7.8 writes itself. Later versions read it, and one can go back from them.
    private const int FormatVersion = 5;

    // Four shards: each is a quarter of the cache, and a block must fit into one. By default there are so many that the filter of one file does not.
    private const int CacheShardBits = 2;

    // As files are written, not all at once at their end, when the sync of a log on the same disk would wait for it.
    private const ulong BytesPerSync = 1 << 20;

    // A batch of keys in order, and any key near the one before it in its space, finds its place in memory from there instead of from the top. The C interface has no function of its own for this.
    private const string InsertHints = "memtable_insert_with_hint_prefix_extractor=fixed:1";

    private const int ManifestBytes = 8 << 20;
    private const int InfoLogs = 2;

    /// <param name="options">Ours.</param>
    /// <param name="compress">By LZ4, which opening refuses if the library was built without it.</param>
    public static OptionsHandle Create(RocksStoreOptions options, bool compress)
    {
        using var table = CreateTable(options);
        var native = RocksNative.OptionsCreate();
        RocksNative.OptionsSetTable(native, table);
        RocksNative.OptionsSetCreateIfMissing(native, 1);
        RocksNative.OptionsSetParanoidChecks(native, 1);
        RocksNative.OptionsSetWriteBufferSize(native, (nuint)options.WriteBufferBytes);
        RocksNative.OptionsSetMaxWriteBufferNumber(native, options.WriteBuffers);
        RocksNative.OptionsSetTargetFileSizeBase(native, (ulong)options.WriteBufferBytes);
        RocksNative.OptionsSetMaxBytesForLevelBase(native, 4 * (ulong)options.WriteBufferBytes);
        RocksNative.OptionsSetDynamicLevelBytes(native, 1);
        RocksNative.OptionsSetMaxOpenFiles(native, options.MaxOpenFiles);
        RocksNative.OptionsSetMaxFileOpeningThreads(native, 1);
        RocksNative.OptionsSetMaxBackgroundJobs(native, options.BackgroundJobs);
        RocksNative.OptionsSetMaxManifestFileSize(native, ManifestBytes);
        RocksNative.OptionsSetBytesPerSync(native, BytesPerSync);

        // Readers that end leave the deletion of files to the background.
        RocksNative.OptionsSetAvoidUnnecessaryBlockingIo(native, 1);
        RocksNative.OptionsSetCompression(native, compress ? RocksNative.Lz4Compression : RocksNative.NoCompression);
        RocksNative.OptionsSetInfoLogLevel(native, RocksNative.WarningLevel);
        RocksNative.OptionsSetMaxLogFileSize(native, (nuint)options.InfoLogBytes);
        RocksNative.OptionsSetKeepLogFileNumber(native, InfoLogs);
        RocksNative.OptionsSetStatsDumpPeriod(native, 0);
        RocksNative.OptionsSetStatsPersistPeriod(native, 0);
        return With(native, InsertHints);
    }

    /// <summary>The options with one more that a version of the library may not have: then without.</summary>
    private static OptionsHandle With(OptionsHandle native, string text)
    {
        var more = RocksNative.OptionsCreate();
        RocksNative.OptionsFromString(native, text, more, out var error);
        var (used, unused) = error == 0 ? (more, native) : (native, more);
        if (error != 0) RocksNative.Free(error);
        unused.Dispose();
        return used;
    }

    private static TableOptionsHandle CreateTable(RocksStoreOptions options)
    {
        using var cacheOptions = RocksNative.CacheOptionsCreate();
        RocksNative.CacheOptionsSetCapacity(cacheOptions, (nuint)options.BlockCacheBytes);
        RocksNative.CacheOptionsSetShardBits(cacheOptions, CacheShardBits);
        using var cache = RocksNative.CacheCreate(cacheOptions);
        var table = RocksNative.TableOptionsCreate();
        RocksNative.TableOptionsSetBlockCache(table, cache);

        // In the cache, they are within its bound; else they would take memory for each open file.
        RocksNative.TableOptionsSetCacheIndexAndFilterBlocks(table, 1);
        RocksNative.TableOptionsSetPinFirstLevel(table, 1);
        RocksNative.TableOptionsSetFormatVersion(table, FormatVersion);
        if (options.FilterBitsPerKey > 0) RocksNative.TableOptionsSetFilterPolicy(table, RocksNative.FilterPolicyCreate(options.FilterBitsPerKey));
        return table;
    }
}
