using Delos.Daemon.Tables;
using Delos.LocalStorage;
using Delos.Runtime;
using Delos.Tests.LocalStorage;

namespace Delos.Tests.TableService;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public class MetaMemoTests
{
    [Test]
    public void What_is_asked_for_again_is_as_in_the_snapshot_and_asked_for_once()
    {
        using var store = new MemoryStoreFactory().Open();
        using (var transaction = store.Begin())
        {
            for (var i = 0; i < 40; i += 2)
            {
                transaction.Put(StoreSpace.Meta, [(byte)i], $"meta {i}".Bytes());
                transaction.Put(StoreSpace.Data, [(byte)i], $"data {i}".Bytes());
            }

            transaction.Commit();
        }

        using var snapshot = store.Snapshot();
        var counting = new CountingReader(snapshot);
        var memo = new MetaMemo(counting);
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 40; i++)
            {
                var value = memo.Get(StoreSpace.Meta, [(byte)i]);
                Assert.That(value?.Text(), Is.EqualTo(i % 2 == 0 ? $"meta {i}" : null));
                if (value is not null) value[0] = 0;
                Assert.That(memo.Get(StoreSpace.Data, [(byte)i])?.Text(), Is.EqualTo(i % 2 == 0 ? $"data {i}" : null));
            }
        }

        Assert.That(memo.Pairs(StoreSpace.Meta), Is.EqualTo(snapshot.Pairs(StoreSpace.Meta)));
        Assert.That(counting.Gets[StoreSpace.Data], Is.EqualTo(120));
        Assert.That(counting.Gets[StoreSpace.Meta], Is.EqualTo(40 + (2 * 24)), "the first sixteen, absent ones among them, are known from then on");
    }

    private sealed class CountingReader(IStoreReader inner) : IStoreReader
    {
        public Dictionary<StoreSpace, int> Gets { get; } = [];

        public byte[]? Get(StoreSpace space, ReadOnlySpan<byte> key)
        {
            Gets[space] = Gets.GetValueOrDefault(space) + 1;
            return inner.Get(space, key);
        }

        public IStoreCursor Scan(StoreSpace space, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, bool reverse = false) => inner.Scan(space, from, to, reverse);
    }
}
