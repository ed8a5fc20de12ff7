"""Check 7: files whose seal is genuine, and which the office never issued or no longer stands by.

From the file alone nobody can tell: under the policy `seal-only` these pass.
"""

from dataclasses import replace
from datetime import timedelta

from forgeries.forgery import Attacker, forgery
from forgeries.scene import SEALED, Scene
from forgeries.workshop import drawn_part, reseal, ses
from simulators import pdf_files

from verify.report import ReasonCode

NOT_IN_REGISTER = ReasonCode.NOT_IN_REGISTER
DIFFERS = ReasonCode.DIFFERS_FROM_REGISTER


@forgery(Attacker.OFFICE, "the number: not registered", NOT_IN_REGISTER)
def number_that_was_never_given(scene: Scene) -> bytes:
    """Seal a licence under the next number, which the register has not given to anybody."""
    invented = scene.content(number="JY99990120270000996")
    return scene.seal(scene.draw(invented), scene.market.seal())


@forgery(Attacker.OFFICE, "the number: another authority's", NOT_IN_REGISTER)
def number_of_another_authority(scene: Scene) -> bytes:
    """Seal a licence in one's own name under a number that another authority gave."""
    borrowed = scene.content_of(scene.other, number=scene.licence.certificate.number)
    return scene.seal(scene.draw(borrowed), scene.other.seal(), picture=scene.other.picture)


@forgery(Attacker.OFFICE, "the data: none attached", NOT_IN_REGISTER)
def licence_without_data(scene: Scene) -> bytes:
    """Seal a page without attached data, as if it were a letter."""
    return scene.seal(pdf_files.draw(attachments=()), scene.market.seal())


@forgery(Attacker.OFFICE, "the content: under a registered number", DIFFERS)
def other_content_under_a_registered_number(scene: Scene) -> bytes:
    """Seal another holder's name under a number that the register gave to somebody else."""
    order = scene.content().order
    (holder,) = order.holders
    holders = (replace(holder, name="示例市青禾区另一家示例食品有限公司"),)
    other = scene.content(order=replace(order, holders=holders))
    return scene.seal(scene.draw(other), scene.market.seal())


@forgery(Attacker.OFFICE, "the seal: applied twice", DIFFERS)
def sealed_once_more(scene: Scene) -> bytes:
    """Seal the registered drawing once more, outside of the ledger."""
    return reseal(scene.licence.data, scene.market.seal())


@forgery(Attacker.OFFICE, "the card: signed twice (CMS)", DIFFERS)
def card_signed_once_more(scene: Scene) -> bytes:
    """Sign the registered card once more, at another minute."""
    return scene.sign_card(scene.civil.cms(), claimed_at=SEALED + timedelta(minutes=1))


@forgery(Attacker.FORMER_KEEPER, "the form: a CMS instead of the seal", DIFFERS)
def licence_signed_without_its_seal(scene: Scene) -> bytes:
    """Sign a licence as a CMS, in which nobody asks whether the seal may still be used."""
    drawn = drawn_part(scene.licence.data)
    return scene.seal(drawn, scene.market.cms(), claimed_at=SEALED)


@forgery(Attacker.UNIT_CA, "the unit: certified twice", DIFFERS)
def unit_certified_for_somebody_else(scene: Scene) -> bytes:
    """Certify a key of one's own in the authority's full name and code; a seal maker helps."""
    double = scene.issue_unit()
    eseal = scene.make_seal(listed_certs=(double.cert,))
    return reseal(scene.licence.data, ses(eseal, double, SEALED))


@forgery(Attacker.STRANGER, "the status: revoked", ReasonCode.CERTIFICATE_REVOKED)
def licence_that_was_revoked(scene: Scene) -> bytes:
    """Show a genuine licence that was revoked."""
    return scene.revoked.data


@forgery(Attacker.STRANGER, "the status: expired", ReasonCode.CERTIFICATE_EXPIRED)
def licence_that_expired(scene: Scene) -> bytes:
    """Show a genuine licence after its last day."""
    return scene.expired.data


@forgery(Attacker.STRANGER, "the status: not yet valid", ReasonCode.CERTIFICATE_NOT_YET_VALID)
def licence_of_next_year(scene: Scene) -> bytes:
    """Show a genuine licence before its first day."""
    return scene.coming.data
