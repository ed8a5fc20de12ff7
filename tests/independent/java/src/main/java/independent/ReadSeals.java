package independent;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Security;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.HexFormat;
import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Encoding;
import org.bouncycastle.asn1.ASN1Object;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.ASN1OctetString;
import org.bouncycastle.asn1.ASN1Sequence;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.ofdrw.gm.ses.parse.VersionParser;
import org.ofdrw.gm.ses.v1.ExtData;
import org.ofdrw.gm.ses.v4.CertInfoList;
import org.ofdrw.gm.ses.v4.SES_ESPropertyInfo;
import org.ofdrw.gm.ses.v4.SES_SealInfo;
import org.ofdrw.gm.ses.v4.SES_Signature;
import org.ofdrw.gm.ses.v4.SESeal;
import org.ofdrw.gm.ses.v4.TBS_Sign;

/**
 * Says how ofdrw reads e-seals (*.esl) and seal signatures (*.dat) of GB/T 38540, version 4, and
 * whether BouncyCastle finds the signatures in them right.
 *
 * <p>One paragraph a file, one {@code name=value} a line, in UTF-8. What cannot be read has the
 * line {@code refused} with the exception's name.
 */
public final class ReadSeals {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private ReadSeals() {}

  public static void main(String[] files) throws IOException {
    Security.addProvider(new BouncyCastleProvider());
    for (String file : files) {
      say("file", file);
      byte[] der = Files.readAllBytes(Path.of(file));
      try {
        if (file.endsWith(".esl")) {
          say("version", VersionParser.parseSES_SealVersion(der).getVersion());
          SESeal seal = SESeal.getInstance(der);
          say("seal.same_octets", sameOctets(seal, der));
          readSeal(seal);
        } else {
          say("version", VersionParser.parseSES_SignatureVersion(der).getVersion());
          SES_Signature signature = SES_Signature.getInstance(der);
          say("signature.same_octets", sameOctets(signature, der));
          readSignature(signature);
        }
      } catch (RuntimeException | GeneralSecurityException | IOException error) {
        say("refused", error.getClass().getName());
      }
      OUT.println();
    }
  }

  private static void readSignature(SES_Signature signature)
      throws GeneralSecurityException, IOException {
    TBS_Sign toSign = signature.getToSign();
    byte[] signerCert = signature.getCert().getOctets();
    say("signature.time", toSign.getTimeInfo().getTime());
    say("signature.data_hash", hex(toSign.getDataHash().getOctets()));
    say("signature.property_info", toSign.getPropertyInfo().getString());
    say(
        "signature.right",
        isRight(
            signerCert,
            signature.getSignatureAlgID(),
            toSign,
            signature.getSignature().getOctets()));
    readSeal(toSign.getEseal());
    say("signature.seal", hex(toSign.getEseal().getEncoded(ASN1Encoding.DER)));
    CertInfoList users = toSign.getEseal().geteSealInfo().getProperty().getCertList().getCerts();
    boolean listed = false;
    for (ASN1Encodable user : ASN1Sequence.getInstance(users.toASN1Primitive())) {
      listed |= Arrays.equals(signerCert, ASN1OctetString.getInstance(user).getOctets());
    }
    say("signature.signer_listed", listed);
  }

  private static void readSeal(SESeal seal) throws GeneralSecurityException, IOException {
    SES_SealInfo info = seal.geteSealInfo();
    SES_ESPropertyInfo property = info.getProperty();
    say("seal.id", info.getEsID().getString());
    say("seal.name", property.getName().getString());
    say("seal.created", property.getCreateDate().getTime());
    say("seal.valid_from", property.getValidStart().getTime());
    say("seal.valid_to", property.getValidEnd().getTime());
    say("seal.picture", info.getPicture().getType().getString());
    say("seal.width_mm", info.getPicture().getWidth());
    say("seal.height_mm", info.getPicture().getHeight());
    for (ExtData extension : info.getExtDatas()) {
      int certificates = ASN1Sequence.getInstance(extension.getExtnValue().getOctets()).size();
      say("seal.extension." + extension.getExtnID().getId(), certificates);
    }
    say(
        "seal.right",
        isRight(
            seal.getCert().getOctets(),
            seal.getSignAlgID(),
            info,
            seal.getSignedValue().getOctets()));
  }

  private static boolean sameOctets(ASN1Object read, byte[] der) throws IOException {
    return Arrays.equals(der, read.getEncoded(ASN1Encoding.DER));
  }

  /** Whether the key of {@code cert} made {@code value} over the DER of {@code signed}. */
  private static boolean isRight(
      byte[] cert, ASN1ObjectIdentifier algorithm, ASN1Object signed, byte[] value)
      throws GeneralSecurityException, IOException {
    Signature verifier = Signature.getInstance(algorithm.getId(), BouncyCastleProvider.PROVIDER_NAME);
    CertificateFactory certificates =
        CertificateFactory.getInstance("X.509", BouncyCastleProvider.PROVIDER_NAME);
    verifier.initVerify(
        certificates.generateCertificate(new ByteArrayInputStream(cert)).getPublicKey());
    verifier.update(signed.getEncoded(ASN1Encoding.DER));
    return verifier.verify(value);
  }

  private static String hex(byte[] octets) {
    return HexFormat.of().formatHex(octets);
  }

  private static void say(String name, Object value) {
    OUT.println(name + "=" + value);
  }
}
