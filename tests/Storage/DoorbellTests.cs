using Delos.Daemon.Storage;

namespace Delos.Tests.Storage;

/// <summary>How a disk's I/O thread is woken.</summary>
public sealed class DoorbellTests
{
    [Test]
    public void A_ring_before_the_wait_is_heard_and_several_are_one()
    {
        var doorbell = new Doorbell();
        doorbell.Ring();
        doorbell.Ring();
        Assert.That(doorbell.Wait(null));
        Assert.That(doorbell.Wait(TimeSpan.Zero), Is.False);
        doorbell.Ring();
        Assert.That(doorbell.Wait(TimeSpan.FromSeconds(20)));
        Assert.That(doorbell.Wait(TimeSpan.FromMilliseconds(0.1)), Is.False);
    }

    /// <summary>Each waits for the other a thousand times over, with and without a limit.</summary>
    [Test]
    public async Task No_ring_is_lost()
    {
        var (there, back) = (new Doorbell(), new Doorbell());
        var echo = Task.Run(() =>
        {
            for (var i = 0; i < 2000; i++)
            {
                there.Wait(null);
                back.Ring();
            }
        });
        var heard = await Task.Run(() =>
        {
            for (var i = 0; i < 2000; i++)
            {
                there.Ring();
                if (!back.Wait(TimeSpan.FromSeconds(20))) return i;
            }

            return 2000;
        });
        Assert.That(heard, Is.EqualTo(2000));
        await echo;
    }
}
