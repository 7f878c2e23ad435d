using System.Runtime.InteropServices;

namespace Delos.LocalStorage.Rocks;

/// <summary>The functions that make and fill options.</summary>
internal static unsafe partial class RocksNative
{
    internal const int NoCompression = 0;
    internal const int Lz4Compression = 4;
    internal const int WarningLevel = 2;

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_create")]
    internal static partial OptionsHandle OptionsCreate();

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_destroy")]
    internal static partial void OptionsDestroy(nint options);

    /// <summary>Fills <paramref name="result"/> with the options of <paramref name="options"/> and those that the text names.</summary>
    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_get_options_from_string", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial void OptionsFromString(OptionsHandle options, string text, OptionsHandle result, out nint error);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_create_if_missing")]
    internal static partial void OptionsSetCreateIfMissing(OptionsHandle options, byte value);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_paranoid_checks")]
    internal static partial void OptionsSetParanoidChecks(OptionsHandle options, byte value);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_write_buffer_size")]
    internal static partial void OptionsSetWriteBufferSize(OptionsHandle options, nuint bytes);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_max_write_buffer_number")]
    internal static partial void OptionsSetMaxWriteBufferNumber(OptionsHandle options, int count);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_target_file_size_base")]
    internal static partial void OptionsSetTargetFileSizeBase(OptionsHandle options, ulong bytes);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_max_bytes_for_level_base")]
    internal static partial void OptionsSetMaxBytesForLevelBase(OptionsHandle options, ulong bytes);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_level_compaction_dynamic_level_bytes")]
    internal static partial void OptionsSetDynamicLevelBytes(OptionsHandle options, byte value);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_max_open_files")]
    internal static partial void OptionsSetMaxOpenFiles(OptionsHandle options, int count);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_max_file_opening_threads")]
    internal static partial void OptionsSetMaxFileOpeningThreads(OptionsHandle options, int count);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_max_background_jobs")]
    internal static partial void OptionsSetMaxBackgroundJobs(OptionsHandle options, int count);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_max_manifest_file_size")]
    internal static partial void OptionsSetMaxManifestFileSize(OptionsHandle options, nuint bytes);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_bytes_per_sync")]
    internal static partial void OptionsSetBytesPerSync(OptionsHandle options, ulong bytes);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_avoid_unnecessary_blocking_io")]
    internal static partial void OptionsSetAvoidUnnecessaryBlockingIo(OptionsHandle options, byte value);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_compression")]
    internal static partial void OptionsSetCompression(OptionsHandle options, int type);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_info_log_level")]
    internal static partial void OptionsSetInfoLogLevel(OptionsHandle options, int level);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_max_log_file_size")]
    internal static partial void OptionsSetMaxLogFileSize(OptionsHandle options, nuint bytes);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_keep_log_file_num")]
    internal static partial void OptionsSetKeepLogFileNumber(OptionsHandle options, nuint count);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_stats_dump_period_sec")]
    internal static partial void OptionsSetStatsDumpPeriod(OptionsHandle options, uint seconds);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_stats_persist_period_sec")]
    internal static partial void OptionsSetStatsPersistPeriod(OptionsHandle options, uint seconds);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_options_set_block_based_table_factory")]
    internal static partial void OptionsSetTable(OptionsHandle options, TableOptionsHandle table);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_block_based_options_create")]
    internal static partial TableOptionsHandle TableOptionsCreate();

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_block_based_options_destroy")]
    internal static partial void TableOptionsDestroy(nint options);

    /// <summary>The filter policy belongs to the options from then on.</summary>
    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_block_based_options_set_filter_policy")]
    internal static partial void TableOptionsSetFilterPolicy(TableOptionsHandle options, nint policy);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_filterpolicy_create_bloom_full")]
    internal static partial nint FilterPolicyCreate(double bitsPerKey);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_block_based_options_set_block_cache")]
    internal static partial void TableOptionsSetBlockCache(TableOptionsHandle options, CacheHandle cache);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_block_based_options_set_cache_index_and_filter_blocks")]
    internal static partial void TableOptionsSetCacheIndexAndFilterBlocks(TableOptionsHandle options, byte value);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache")]
    internal static partial void TableOptionsSetPinFirstLevel(TableOptionsHandle options, byte value);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_block_based_options_set_format_version")]
    internal static partial void TableOptionsSetFormatVersion(TableOptionsHandle options, int version);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_lru_cache_options_create")]
    internal static partial CacheOptionsHandle CacheOptionsCreate();

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_lru_cache_options_destroy")]
    internal static partial void CacheOptionsDestroy(nint options);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_lru_cache_options_set_capacity")]
    internal static partial void CacheOptionsSetCapacity(CacheOptionsHandle options, nuint bytes);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_lru_cache_options_set_num_shard_bits")]
    internal static partial void CacheOptionsSetShardBits(CacheOptionsHandle options, int bits);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_cache_create_lru_opts")]
    internal static partial CacheHandle CacheCreate(CacheOptionsHandle options);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_cache_destroy")]
    internal static partial void CacheDestroy(nint cache);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_writeoptions_create")]
    internal static partial WriteOptionsHandle WriteOptionsCreate();

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_writeoptions_destroy")]
    internal static partial void WriteOptionsDestroy(nint options);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_writeoptions_disable_WAL")]
    internal static partial void WriteOptionsDisableLog(WriteOptionsHandle options, int value);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_flushoptions_create")]
    internal static partial FlushOptionsHandle FlushOptionsCreate();

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_flushoptions_destroy")]
    internal static partial void FlushOptionsDestroy(nint options);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_flushoptions_set_wait")]
    internal static partial void FlushOptionsSetWait(FlushOptionsHandle options, byte value);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_readoptions_create")]
    internal static partial nint ReadOptionsCreate();

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_readoptions_destroy")]
    internal static partial void ReadOptionsDestroy(nint options);

    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_readoptions_set_snapshot")]
    internal static partial void ReadOptionsSetSnapshot(nint options, SnapshotHandle snapshot);

    /// <summary>The memory must stay until the options and whatever reads by them are gone.</summary>
    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_readoptions_set_iterate_lower_bound")]
    internal static partial void ReadOptionsSetLowerBound(nint options, byte* key, nuint length);

    /// <summary>As <see cref="ReadOptionsSetLowerBound"/>.</summary>
    [LibraryImport(RocksLibrary.Name, EntryPoint = "rocksdb_readoptions_set_iterate_upper_bound")]
    internal static partial void ReadOptionsSetUpperBound(nint options, byte* key, nuint length);
}
