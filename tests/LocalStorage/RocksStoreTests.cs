using Delos.LocalStorage;
using Delos.Runtime;

namespace Delos.Tests.LocalStorage;

/// <param name="readCacheBytes">So much as nothing is forgotten of, little, or none.</param>
/// <param name="commitBufferBytes">So much as many commits are gathered, few, or one.</param>
[TestFixture(16 << 20, 4 << 10)]
[TestFixture(4 << 10, 0)]
[TestFixture(0, 1 << 20)]
public class RocksStoreTests(long readCacheBytes, long commitBufferBytes) : StoreConformance
{
    private RocksImage _image = null!;

    [SetUp]
    public void MakeImages() => _image = new RocksImage(WorkDirectory);

    protected override ILocalStoreFactory CreateFactory(string name = "store") => new RocksStoreFactory(new RocksStoreOptions { Directory = Path.Combine(WorkDirectory, name), ReadCacheBytes = readCacheBytes, CommitBufferBytes = commitBufferBytes });

    protected override ILocalStoreFactory Crash(ILocalStoreFactory factory, ILocalStore store) => new RocksStoreFactory(new RocksStoreOptions { Directory = _image.Take(Path.Combine(WorkDirectory, "store")) });
}
