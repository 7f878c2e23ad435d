namespace Delos.LocalStorage.Rocks;

/// <summary>rocksdb_options_t.</summary>
internal sealed class OptionsHandle : RocksHandle
{
    protected override void Destroy() => RocksNative.OptionsDestroy(handle);
}

/// <summary>rocksdb_block_based_table_options_t: how files are laid out and cached.</summary>
internal sealed class TableOptionsHandle : RocksHandle
{
    protected override void Destroy() => RocksNative.TableOptionsDestroy(handle);
}

/// <summary>rocksdb_lru_cache_options_t.</summary>
internal sealed class CacheOptionsHandle : RocksHandle
{
    protected override void Destroy() => RocksNative.CacheOptionsDestroy(handle);
}

/// <summary>rocksdb_cache_t. The table options that use it share it.</summary>
internal sealed class CacheHandle : RocksHandle
{
    protected override void Destroy() => RocksNative.CacheDestroy(handle);
}

/// <summary>rocksdb_writeoptions_t.</summary>
internal sealed class WriteOptionsHandle : RocksHandle
{
    protected override void Destroy() => RocksNative.WriteOptionsDestroy(handle);
}

/// <summary>rocksdb_flushoptions_t.</summary>
internal sealed class FlushOptionsHandle : RocksHandle
{
    protected override void Destroy() => RocksNative.FlushOptionsDestroy(handle);
}
